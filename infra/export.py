"""Exports what a stack tells the world, under the names of `infra.outputs`."""

import pulumi

from infra.outputs import misnamed


def export(**values: object) -> None:
    """Export every output under its own name.

    Raises:
        ValueError: Names every output that is missing, or that the contract does not have.
    """
    if wrong := ", ".join(misnamed(values)):
        raise ValueError(f"outputs: {wrong}")
    for name, value in values.items():
        pulumi.export(name, value)
