"""Where it is written down which colour serves."""

from dataclasses import dataclass
from typing import Final

import pulumi

from infra.config.sections import COLOURS, Colour, Settings
from infra.operated_parameter import operated_parameter

PATTERN: Final = f"^({'|'.join(COLOURS)})$"
"""What SSM itself takes, whoever writes; `perch` says it again with each new value."""


@dataclass(frozen=True, kw_only=True)
class InServiceArgs:
    """What the record is made from.

    Attributes:
        environment: The stack's name.
        first: The colour in service when it is made.
    """

    environment: str
    first: Colour


class InService(pulumi.ComponentResource):
    """An SSM parameter that names the colour in service.

    Attributes:
        parameter_name: Its name, known before it exists.
    """

    parameter_name: str

    def __init__(
        self, name: str, args: InServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.first not in COLOURS:
            raise ValueError(f"first is {args.first!r}; accepted: {' or '.join(COLOURS)}")
        super().__init__("perch:infra:InService", name, None, opts)
        slug = f"{name}-in-service"
        self.parameter_name = f"/perch/{args.environment}/in-service"
        operated_parameter(
            slug,
            name=self.parameter_name,
            description="The colour that serves: `perch canary` and `perch rollback` write it",
            first=args.first,
            pattern=PATTERN,
            parent=self,
        )
        self.register_outputs({"parameter_name": self.parameter_name})


def first_in_service(settings: Settings) -> Colour:
    """Return the colour that new sessions reach when the listener is first made.

    Of both, the one with the greater share; of equal shares blue.
    """
    return max(COLOURS, key=lambda colour: settings.colour(colour).weight)
