"""What a change of configuration does to a stack that exists, by the difference of two recordings.

It proves what the program asks of the engine, by the rules of `ops.offline.diff.rules` for what
AWS can change in place. That those rules are AWS's own, only a real account shows.
"""

from collections.abc import Mapping

import pytest

from ops.offline.diff.compare import compare
from ops.offline.diff.model import Comparison, Op
from tests.infra.building import changed_stack, stack

pytestmark = pytest.mark.xdist_group("infra-program")


def changed(name: str, changes: Mapping[str, object]) -> Comparison:
    """What a change of a stack's configuration would do."""
    after = changed_stack(name, dict(changes))
    return compare(
        stack(name).as_document(), after.as_document(), stack=name, names=("before", "after")
    )


def test_another_drain_updates_eight_resources_and_replaces_none() -> None:
    """A group takes hooks only when it is made: compared, they would replace it."""
    found = changed("prod", {"gateway": {"drain_seconds": 120}})
    told = {
        f"{one.type.rpartition(':')[2]} {one.name}": one.op
        for one in found.changes
        if one.op is not Op.IGNORED
    }
    assert told == {
        f"{kind} perch-prod-{colour}{suffix}": Op.UPDATE
        for colour in ("blue", "green")
        for kind, suffix in (
            ("Group", ""),
            ("LaunchTemplate", ""),
            ("LifecycleHook", "-drained"),
            ("TargetGroup", ""),
        )
    }
