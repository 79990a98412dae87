"""What tells every machine that secrets have other values."""

from dataclasses import dataclass

import pulumi

from infra.iam import AwsLocation
from infra.operated_parameter import operated_parameter


@dataclass(frozen=True, kw_only=True)
class SecretsVersionArgs:
    """What the parameter is made from.

    Attributes:
        location: Region and account.
        environment: The stack's name.
    """

    location: AwsLocation
    environment: str


class SecretsVersion(pulumi.ComponentResource):
    """An SSM parameter that every machine looks at every few seconds.

    Attributes:
        parameter_name: Its name, known before it exists.
        parameter_arn: Its ARN.
    """

    parameter_name: str
    parameter_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: SecretsVersionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("perch:infra:SecretsVersion", name, None, opts)
        self.parameter_name = f"/perch/{args.environment}/secrets-version"
        operated_parameter(
            f"{name}-secrets-version",
            name=self.parameter_name,
            description="Machines fetch their secrets again when this changes: perch sets it",
            first="0",
            pattern="^[0-9]{1,16}$",
            parent=self,
        )
        # Not the resource's own output, as of the switch: nobody has to wait for it.
        self.parameter_arn = args.location.arn("ssm", f"parameter{self.parameter_name}")
        self.register_outputs({"parameter_name": self.parameter_name})
