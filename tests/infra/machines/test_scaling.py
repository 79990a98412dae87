"""What starts and what takes machines of a colour, in every stack and whichever has the weight.

Expressions are evaluated here by Python, schedules by what the EC2 Auto Scaling User Guide says of
them. Not proved: that CloudWatch evaluates them so, and when its metrics come
(docs/unverified.md).
"""

import dataclasses
import functools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.machines.machine_group import MachineGroup
from infra.machines.scaling import UNCHANGED, Scaling
from ops.offline.engine.recording import Recording, Resource
from tests.infra.building import STACKS, build, changed_stack, stack
from tests.infra.samples import MACHINE_GROUP, SCALING
from tests.support.cases import few

pytestmark = pytest.mark.xdist_group("infra-program")

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GROUP = "aws:autoscaling/group:Group"
POLICY = "aws:autoscaling/policy:Policy"
SCHEDULE = "aws:autoscaling/schedule:Schedule"
TARGET = 40
COUNTS = st.integers(0, 12)


@functools.cache
def scaling() -> Recording:
    return build(lambda: Scaling("x", SCALING))


def fires(alarm: Resource, **values: float) -> bool:
    """Whether one data point is beyond the alarm's threshold."""
    assert alarm.inputs["comparisonOperator"] == "GreaterThanThreshold"
    expression = alarm.inputs["metricQueries"][-1]["expression"]
    known = {
        "IF": lambda found, then, otherwise: then if found else otherwise,
        "FILL": lambda series, _missing: series,
    }
    point = eval(expression.replace(" AND ", " and "), known, values)  # noqa: S307 - the program's own text
    return bool(point > alarm.inputs["threshold"])


def adjustment(recording: Recording, name: str) -> tuple[str, int]:
    """How a step policy changes the number, at whatever distance from the threshold."""
    policy = recording.one(POLICY, name)
    [step] = policy.inputs["stepAdjustments"]
    assert step["metricIntervalLowerBound"] == "0"
    assert "metricIntervalUpperBound" not in step
    alarm = recording.one(ALARM, name)
    assert policy.urn in alarm.property_dependencies["alarmActions"]
    return policy.inputs["adjustmentType"], step["scalingAdjustment"]


@pytest.mark.parametrize("name", STACKS)
def test_target_tracking_only_ever_adds_machines(name: str) -> None:
    found = [
        one.inputs["targetTrackingConfiguration"]
        for one in stack(name).of_type(POLICY)
        if one.inputs["policyType"] == "TargetTrackingScaling"
    ]
    assert [one["disableScaleIn"] for one in found] == [True, True]


@given(sessions=st.floats(0, 100), machines=COUNTS, desired=COUNTS)
def test_a_machine_is_too_many_only_where_the_others_can_carry_its_sessions(
    sessions: float, machines: int, desired: int
) -> None:
    recording = scaling()
    taken = fires(
        recording.one(ALARM, "x-surplus"), sessions=sessions, machines=machines, desired=desired
    )
    carried = sessions * machines <= 0.8 * TARGET * (machines - 1)
    assert taken == (machines > 1 and machines >= desired and carried and fits(sessions, machines))
    assert adjustment(recording, "x-surplus") == ("ChangeInCapacity", -1)


def fits(sessions: float, machines: int) -> bool:
    """Whether there is room left over, as floating point has it."""
    return 32 * (machines - 1) - sessions * machines > 0


def test_the_last_machine_goes_only_when_idle() -> None:
    surplus, idle = scaling().one(ALARM, "x-surplus"), scaling().one(ALARM, "x-idle")
    assert not fires(surplus, sessions=0, machines=1, desired=1)
    assert fires(idle, sessions=0, machines=1)
    assert not fires(idle, sessions=1, machines=1)
    # The gateway of a machine that is still starting reports no session either.
    assert not fires(idle, sessions=0, machines=0)
    assert adjustment(scaling(), "x-idle") == ("ExactCapacity", 0)


def test_no_fewer_than_the_minimum_are_left() -> None:
    args = dataclasses.replace(
        SCALING, min_machines=3, max_machines=5, idle_minutes=None, office_hours=None
    )
    recording = build(lambda: Scaling("x", args))
    surplus = recording.one(ALARM, "x-surplus")
    assert fires(surplus, sessions=0, machines=4, desired=4)
    assert not fires(surplus, sessions=0, machines=3, desired=3)
    assert [one.name for one in recording.of_type(ALARM)] == ["x-surplus"]


@pytest.mark.parametrize(("minutes", "looks"), [(15, 3), (16, 4), (60, 12), (61, 13), (1440, 288)])
def test_idleness_is_never_shorter_than_was_asked_for(minutes: int, looks: int) -> None:
    recording = build(lambda: Scaling("x", dataclasses.replace(SCALING, idle_minutes=minutes)))
    alarm = recording.one(ALARM, "x-idle").inputs
    assert (alarm["evaluationPeriods"], alarm["datapointsToAlarm"]) == (looks, looks)
    assert alarm["treatMissingData"] == "notBreaching"
    periods = {query["metric"]["period"] for query in alarm["metricQueries"] if "metric" in query}
    assert periods == {300}
    # CloudWatch looks back a day at most (CloudWatch User Guide, alarms).
    assert 300 * looks <= 86_400


@given(refused=st.integers(0, 100), desired=COUNTS)
def test_a_refused_session_starts_a_machine_where_none_is_asked_for(
    refused: int, desired: int
) -> None:
    recording = scaling()
    alarm = recording.one(ALARM, "x-wake")
    # An exact number would lower a group of several; but there it never fires.
    assert fires(alarm, refused=refused, desired=desired) == (refused > 0 and desired == 0)
    assert adjustment(recording, "x-wake") == ("ExactCapacity", 1)
    assert alarm.inputs["evaluationPeriods"] == 1
    [counted] = [
        query["metric"] for query in alarm.inputs["metricQueries"] if query["id"] == "refused"
    ]
    assert counted["dimensions"] == {"LoadBalancer": "app/b/1"}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """A group's three numbers."""

    fewest: int
    most: int
    desired: int


def turned(sizes: Sizes, inputs: Any) -> Sizes:  # noqa: ANN401 - inputs are JSON
    """What a scheduled action makes of a group (EC2 Auto Scaling User Guide, scheduled scaling)."""

    def chosen(key: str, old: int) -> int:
        return old if inputs[key] == UNCHANGED else int(inputs[key])

    fewest, most = chosen("minSize", sizes.fewest), chosen("maxSize", sizes.most)
    desired = chosen("desiredCapacity", sizes.desired)
    return Sizes(fewest, most, min(max(desired, fewest), most))


@pytest.mark.parametrize("weights", [{"blue": 100, "green": 0}, {"blue": 0, "green": 100}])
@pytest.mark.parametrize("name", few(STACKS, ("prod",)))
def test_no_clock_takes_a_machine_whichever_colour_has_the_weight(
    name: str, weights: dict[str, int]
) -> None:
    recording = changed_stack(
        name, {colour: {"weight": weight} for colour, weight in weights.items()}
    )
    groups = {one.urn: one.inputs for one in recording.of_type(GROUP)}
    for schedule in recording.of_type(SCHEDULE):
        [group] = schedule.property_dependencies["autoscalingGroupName"]
        bounds = groups[group]
        # However many machines scaling, a release or a person has made of them.
        for desired in range(bounds["minSize"], bounds["maxSize"] + 1):
            before = Sizes(bounds["minSize"], bounds["maxSize"], desired)
            assert turned(before, schedule.inputs).desired >= desired, schedule.urn


def test_the_clock_holds_machines_only_of_a_colour_that_has_some_to_start() -> None:
    held = {
        one.name: (one.inputs["minSize"], one.inputs["recurrence"])
        for one in stack("dev").of_type(SCHEDULE)
    }
    assert held == {
        "perch-dev-blue-start": (1, "0 8 * * MON-FRI"),
        "perch-dev-blue-stop": (0, "0 19 * * MON-FRI"),
    }


def test_what_the_clock_moves_no_deployment_moves_back() -> None:
    groups = {one.name: one for one in stack("dev").of_type(GROUP)}
    ignored = {name: set(one.options["ignoreChanges"]) for name, one in groups.items()}
    assert "minSize" in ignored["perch-dev-blue"]
    assert "minSize" not in ignored["perch-dev-green"]


def test_a_minimum_that_no_clock_moves_is_the_files() -> None:
    group = build(lambda: MachineGroup("x", MACHINE_GROUP)).one(GROUP)
    assert "minSize" not in group.options["ignoreChanges"]


@pytest.mark.parametrize("name", STACKS)
def test_what_takes_machines_can_be_held_back_and_no_deployment_lets_it_go(name: str) -> None:
    """As docs/deploy.md says: `aws cloudwatch disable-alarm-actions` for a release."""
    for colour in ("blue", "green"):
        owner = f"perch-{name}-{colour}"
        alarms = {
            one.name: one
            for one in stack(name).of_type(ALARM)
            if one.name.startswith(owner) and "Severity" not in one.inputs["tags"]
        }
        takes = {f"{owner}-surplus", f"{owner}-idle"} & set(alarms)
        assert f"{owner}-surplus" in takes
        for alarm in takes:
            assert alarms[alarm].inputs["name"] == alarm
            assert alarms[alarm].options["ignoreChanges"] == ["actionsEnabled"]
        # Everything else that an alarm sets off adds machines, which a hold must not prevent.
        assert set(alarms) - takes <= {f"{owner}-wake"}


def test_the_plan_is_the_same_for_either_colour() -> None:
    """What blue gets for its settings, green gets for the same: nothing knows who has the weight.

    User data is left out, which is packed, and the first certificate, which is another each time.
    """
    swapped = changed_stack(
        "dev",
        {
            "blue": {"start_machines": 0, "weight": 0},
            "green": {"start_machines": 1, "weight": 100},
        },
    )

    hidden = {"secretString", "userData"}

    def plan(recording: Recording, *, mirrored: bool) -> set[str]:
        lines = set()
        for one in recording.resources.values():
            inputs = {key: value for key, value in one.inputs.items() if key not in hidden}
            line = json.dumps([one.type, one.name, inputs, one.options], sort_keys=True)
            # Some lists have both colours in them, always blue first; their order means nothing.
            if mirrored:
                line = line.replace("blue", "\0").replace("green", "blue").replace("\0", "green")
            lines.add("".join(sorted(line)) if "blue" in line and "green" in line else line)
        return lines

    def mine(lines: set[str]) -> set[str]:
        # Priorities and ports of the two rules by header follow the order of the colours.
        return {line for line in lines if "listenerRule" not in line and "ListenerRule" not in line}

    assert mine(plan(swapped, mirrored=True)) == mine(plan(stack("dev"), mirrored=False))
