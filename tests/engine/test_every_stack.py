"""Each committed stack goes up on the engine, and there is nothing left to do.

Does not prove that AWS accepts what moto accepts, nor that the real provider finds no difference.
"""

import re
from typing import Any

import pytest

from ops.offline.engine import wire
from ops.offline.engine.recording import STACK_TYPE, Recording, Resource
from ops.offline.engine.urns import Urn
from ops.offline.plugin.resources import DEFAULTS
from ops.offline.provider.autonamed import autonamed
from ops.offline.recorder import record
from ops.stack import StackOutputs
from tests.engine.conftest import SHARED
from tests.engine.worlds import World

_MADE_UP = re.compile(r"\$\{")
"""Begins what a recording has in place of an answer of AWS's."""


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.xdist_group(f"pulumi-{name}")) for name in SHARED]
)
def stack(request: pytest.FixtureRequest) -> World:
    world: World = request.getfixturevalue(request.param)
    return world


def _recorded(world: World) -> Recording:
    return record(world.stack.project.stack, overrides=world.given or None)


def test_a_second_preview_finds_nothing_to_do(stack: World) -> None:
    plan = stack.preview()
    assert plan.clean, plan.changes or plan.failure


def test_outputs_keep_their_contract(stack: World) -> None:
    outputs = stack.outputs()
    assert StackOutputs.model_validate(outputs).environment == stack.stack.project.stack


def test_the_engine_has_the_resources_that_a_recording_has(stack: World) -> None:
    """`perch preview` judges recordings, so they have to be what the engine makes of the program.

    Compared: which there are, their parents, dependencies, protection, and every input that stands
    on no answer of AWS's.
    """
    recorded = {
        urn: resource
        for urn, resource in _recorded(stack).resources.items()
        if resource.type != STACK_TYPE
    }
    kept = {
        urn: entry
        for urn, entry in stack.resources().items()
        if entry["type"] != STACK_TYPE and not _is_default_provider(urn)
    }
    assert set(kept) == set(recorded)
    differences = [
        difference
        for urn, entry in kept.items()
        for difference in _differences(recorded[urn], entry)
    ]
    assert not differences


def test_the_engine_knows_resources_again_by_the_aliases_that_a_recording_has(
    stack: World,
) -> None:
    """The engine keeps no aliases, so they are shown by a state from before the names changed."""
    old_names = {
        urn: resource.alias_urns[0]
        for urn, resource in _recorded(stack).resources.items()
        if resource.alias_urns
    }
    assert old_names, "no resource has an alias"
    state = stack.stack.state()
    before = {**state, "resources": [_renamed(each, old_names) for each in state["resources"]]}
    stack.stack.replace_state(before)
    try:
        plan = stack.preview()
    finally:
        stack.stack.replace_state(state)
    assert plan.clean, plan.changes or plan.failure


def _renamed(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return an entry of a state with URNs, and the type that its own has, as they once were."""

    def rename(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {key: rename(item) for key, item in value.items()}
        if isinstance(value, list):
            return [rename(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    renamed: dict[str, Any] = rename(entry)
    return {**renamed, "type": Urn.parse(renamed["urn"]).type}


def _differences(recorded: Resource, kept: dict[str, Any]) -> list[str]:
    """Return a sentence for each thing in which a recording and the engine's state differ."""
    pairs: dict[str, tuple[object, object]] = {
        "custom": (recorded.custom, kept["custom"]),
        "parent": (_stackless(recorded.parent), _stackless(kept.get("parent", ""))),
        "protect": (bool(recorded.options.get("protect")), bool(kept.get("protect"))),
        "retainOnDelete": (
            bool(recorded.options.get("retainOnDelete")),
            bool(kept.get("retainOnDelete")),
        ),
        "provider": (recorded.provider, _own_provider(kept.get("provider", ""))),
        "dependencies": (list(recorded.dependencies), sorted(set(kept.get("dependencies", ())))),
        "property dependencies": (
            {key: list(urns) for key, urns in recorded.property_dependencies.items()},
            {
                key: sorted(set(urns))
                for key, urns in sorted(kept.get("propertyDependencies", {}).items())
                if urns
            },
        ),
    }
    if recorded.type.startswith("aws:"):
        pairs |= _input_pairs(recorded, kept["inputs"])
    return [
        f"{recorded.label}: {what}: recorded {mine!r}, the engine has {its!r}"
        for what, (mine, its) in pairs.items()
        if mine != its
    ]


def _input_pairs(recorded: Resource, inputs: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Return recorded and kept value of each input that AWS has no part in."""
    named = autonamed(recorded.type)
    mine = dict(recorded.inputs)
    its = {key: value for key, value in inputs.items() if key != DEFAULTS}
    if named is not None and named.key in inputs.get(DEFAULTS, ()):
        its.pop(named.key)
    pairs: dict[str, tuple[object, object]] = {"inputs": (sorted(mine), sorted(its))}
    for key, value in mine.items():
        answered = recorded.property_dependencies.get(key) or _MADE_UP.search(str(value))
        if key in its and not answered and not recorded.input_is_secret(key):
            pairs[key] = (value, _plain(its[key]))
        if key in its:
            pairs[f"{key} is secret"] = (recorded.input_is_secret(key), _has_secret(its[key]))
    return pairs


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the state as a recording writes it: whole numbers are no floats."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _has_secret(value: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return value.get(wire.SIGNATURE) == wire.SECRET or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _is_default_provider(urn: str) -> bool:
    """Return whether the engine made this itself, for what names no provider."""
    parsed = Urn.parse(urn)
    return parsed.type.startswith("pulumi:providers:") and parsed.name.startswith("default")


def _own_provider(reference: str) -> str:
    """Return the URN of a reference to a provider that the program names."""
    urn = reference.rpartition("::")[0]
    return "" if not urn or _is_default_provider(urn) else urn


def _stackless(parent: str) -> str:
    """Return a parent's URN; the stack's own reads the same in both."""
    return "" if f"::{STACK_TYPE}::" in parent else parent
