"""Log groups: one a source, kept for a known time, encrypted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pulumi
import pulumi_aws as aws

LogSource = Literal["gateway", "asr", "system", "flow"]
LOG_SOURCES: Final[tuple[LogSource, ...]] = ("gateway", "asr", "system", "flow")
"""The gateway, the recogniser, the host and its units, the VPC's traffic."""


@dataclass(frozen=True, kw_only=True)
class LogsArgs:
    """How logs are kept.

    Attributes:
        prefix: Names of the groups begin so, with a trailing slash.
        retention_days: A number of days CloudWatch knows.
        key_arn: KMS key of the groups.
    """

    prefix: str
    retention_days: int
    key_arn: pulumi.Input[str]


class Logs(pulumi.ComponentResource):
    """The environment's log groups.

    Attributes:
        names: Source -> name of the group, known before it exists.
        arns: Source -> ARN of the group.
    """

    names: Mapping[str, str]
    arns: Mapping[LogSource, pulumi.Output[str]]

    def __init__(
        self, name: str, args: LogsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not (args.prefix.startswith("/") and args.prefix.endswith("/")):
            raise ValueError(f"prefix is {args.prefix!r}; accepted: a name between two slashes")
        super().__init__("perch:infra:Logs", name, None, opts)
        self.names = {source: args.prefix + source for source in LOG_SOURCES}
        self.arns = {
            source: aws.cloudwatch.LogGroup(
                f"{name}-{source}",
                name=self.names[source],
                retention_in_days=args.retention_days,
                kms_key_id=args.key_arn,
                tags={"Name": f"{name}-{source}"},
                opts=pulumi.ResourceOptions(parent=self),
            ).arn
            for source in LOG_SOURCES
        }
        self.register_outputs({"names": self.names, "arns": self.arns})
