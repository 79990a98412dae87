"""Which functions change which inputs of which type."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import HANDLERS, CreateRequest
from ops.offline.provider.lifecycle.existing import Existing

Run: TypeAlias = Callable[[Existing, Mapping[str, Any]], Mapping[str, Any] | None]
"""From the resource as it was and its new inputs: the outputs that the change made."""

EVERY: Final = "*"
"""In place of keys: whatever input has changed."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change of some inputs.

    Attributes:
        keys: the inputs; `EVERY` alone for all.
        run: makes the change; called once, however many of the keys have changed.
    """

    keys: frozenset[str]
    run: Run


UPDATES: dict[str, list[Step]] = {}
"""By type token, in the order in which the steps are taken. Filled by the modules beside this."""


def updates(token: str, *keys: str) -> Callable[[Run], Run]:
    """Register a step of a type's update."""

    def register(run: Run) -> Run:
        steps = UPDATES.setdefault(token, [])
        taken = {key for step in steps for key in step.keys}
        if twice := taken & set(keys):
            raise ValueError(f"{token}: {', '.join(sorted(twice))} changed in two ways")
        steps.append(Step(frozenset(keys), run))
        return run

    return register


def request_of(existing: Existing, inputs: Mapping[str, Any]) -> CreateRequest:
    """Return a request of new inputs, for what maps them into a call."""
    return CreateRequest(
        resource=replace(existing.resource, inputs=inputs),
        region=existing.region,
        account=existing.account,
        api=existing.api,
        inputs={
            key: value
            for key, value in inputs.items()
            if key not in {"region", "tags"} and value is not None
        },
    )


def again(existing: Existing, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make the creating call again, for what AWS puts in the place of what was there."""
    request = request_of(existing, inputs)
    made = HANDLERS[existing.resource.type](request)
    if request.inputs:
        raise OfflineError(f"no place for {', '.join(sorted(request.inputs))}")
    return made.outputs


def difference(old: Iterable[str] | None, new: Iterable[str] | None) -> tuple[list[str], list[str]]:
    """Return what is to be added and what to be taken away."""
    before, after = set(old or ()), set(new or ())
    return sorted(after - before), sorted(before - after)
