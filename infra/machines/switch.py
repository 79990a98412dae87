"""What turns recognition off, or sends it elsewhere, without a deployment."""

from dataclasses import dataclass
from typing import Final

import pulumi

from infra.config.sections import Recognition
from infra.iam import AwsLocation
from infra.operated_parameter import operated_parameter

POSITIONS: Final[tuple[Recognition, ...]] = ("on", "off", "fallback")
"""What it can say; a gateway's APP_RECOGNITION takes the same words."""


@dataclass(frozen=True, kw_only=True)
class SwitchArgs:
    """What the switch is made from.

    Attributes:
        location: Region and account.
        environment: The stack's name.
        first: What it says when it is made.
    """

    location: AwsLocation
    environment: str
    first: Recognition


class Switch(pulumi.ComponentResource):
    """An SSM parameter that every machine of the environment follows within seconds.

    Attributes:
        parameter_name: Its name, known before it exists.
        parameter_arn: Its ARN.
    """

    parameter_name: str
    parameter_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: SwitchArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.first not in POSITIONS:
            raise ValueError(f"first is {args.first!r}; accepted: {', '.join(POSITIONS)}")
        super().__init__("perch:infra:Switch", name, None, opts)
        slug = f"{name}-recognition"
        self.parameter_name = f"/perch/{args.environment}/recognition"
        operated_parameter(
            slug,
            name=self.parameter_name,
            description="Whether speech is recognised, and where: `perch recognition` sets it",
            first=args.first,
            pattern=f"^({'|'.join(POSITIONS)})$",
            parent=self,
        )
        # Not the resource's own output: the machines' role and user data need not wait for it.
        self.parameter_arn = args.location.arn("ssm", f"parameter{self.parameter_name}")
        self.register_outputs({"parameter_name": self.parameter_name})
