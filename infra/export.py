"""Exports what a stack tells the world, under the names of `infra.outputs`."""

import pulumi

from infra.config.colour import ColourSettings
from infra.config.machine import language_groups
from infra.outputs import misnamed


def colour_outputs(chosen: ColourSettings, **made: pulumi.Input[str]) -> dict[str, object]:
    """Return the outputs of one colour: what its settings say, and what was made."""
    return {
        "image": chosen.image,
        "tags_selector": chosen.selector,
        "model": chosen.model or None,
        "language_groups": language_groups(chosen),
        "gateway_port": chosen.gateway_port,
        "riva_grpc_port": chosen.riva_grpc_port,
        "riva_http_port": chosen.riva_http_port,
        "weight": chosen.weight,
        **made,
    }


def export(**values: object) -> None:
    """Export every output under its own name.

    Raises:
        ValueError: Names every output that is missing, or that the contract does not have.
    """
    if wrong := ", ".join(misnamed(values)):
        raise ValueError(f"outputs: {wrong}")
    for name, value in values.items():
        pulumi.export(name, value)
