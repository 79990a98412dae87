"""What a release and a rollback touch in AWS, against moto with the local stack in it.

Not proved: that AWS answers as moto does (docs/unverified.md).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from ops.console.errors import CommandFailedError
from ops.in_service import InService
from ops.rollout import place as places
from ops.rollout import rollback_command
from ops.rollout.alarms import ColourAlarms
from ops.rollout.journal import JournalStore, TakenOverError
from ops.rollout.release import Parts, Release
from ops.rollout.warmth import ACTION, keep_warm
from ops.rollout.weights import Weights
from tests.ops.rollout.world import BROKEN, GOOD, new_release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.rollout.journal import Journal
    from ops.rollout.place import Place

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

Client = "Callable[[str], Any]"


def weights_of(place: Place, client: Callable[[str], Any]) -> Weights:
    return Weights(place, client("elbv2"), sleep=lambda _: None)


def journals_of(place: Place, client: Callable[[str], Any]) -> JournalStore:
    return JournalStore(place.environment, place.artefact_bucket, client("s3"))


def released(place: Place, client: Callable[[str], Any], phase: str, weight: int) -> Journal:
    """Write a release of green down that stands somewhere, with its weights."""
    weights_of(place, client).turn("green", weight)
    begun = new_release()
    state = begun.state.model_copy(update={"phase": phase})
    journal = begun.with_state(state, "as the test has it", me=None)
    journals_of(place, client).save(journal)
    return journal


def rollback(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        rollback_command.command,
        ["--state-dir", str(folder), "--region", "us-east-2", "--wait", "0", *arguments],
    )


def test_aws_alone_says_where_a_stack_is(place: Place, client: Callable[[str], Any]) -> None:
    """With credentials and a name one finds what the outputs say."""
    assert places.find("local", place.region, client) == place
    assert places.find("me/perch/local", place.region, client) == place


def test_a_stack_that_is_not_there_is_told_with_its_region(
    place: Place, client: Callable[[str], Any]
) -> None:
    with pytest.raises(CommandFailedError, match="us-east-2 of this account has 0 load balancers"):
        places.find("prod", place.region, client)


@pytest.mark.parametrize("weight", [0, 1, 37, 100])
def test_weights_are_turned_in_one_call_and_read_back(
    place: Place, client: Callable[[str], Any], weight: int
) -> None:
    share, seconds = weights_of(place, client).hold("green", weight)
    assert share == weight
    assert seconds >= 0
    assert weights_of(place, client).read() == {"blue": 100 - weight, "green": weight}


def test_what_the_action_says_besides_stays(place: Place, client: Callable[[str], Any]) -> None:
    elb = client("elbv2")
    [before] = elb.describe_listeners(ListenerArns=[place.listener_arn])["Listeners"]
    weights_of(place, client).turn("green", 5)
    [after] = elb.describe_listeners(ListenerArns=[place.listener_arn])["Listeners"]
    [old], [new] = before["DefaultActions"], after["DefaultActions"]
    assert new["Type"] == old["Type"]
    stickiness = "TargetGroupStickinessConfig"
    assert new["ForwardConfig"][stickiness] == old["ForwardConfig"][stickiness]


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_that_is_no_percentage_is_refused(
    place: Place, client: Callable[[str], Any], weight: int
) -> None:
    with pytest.raises(ValueError, match="accepted: 0 to 100"):
        weights_of(place, client).turn("green", weight)


def test_a_listener_that_does_something_else_is_left_alone(
    place: Place, client: Callable[[str], Any]
) -> None:
    answer = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "closed"}
    client("elbv2").modify_listener(
        ListenerArn=place.listener_arn,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": answer}],
    )
    with pytest.raises(CommandFailedError, match="does fixed-response by default"):
        weights_of(place, client).turn("green", 5)


def test_a_journal_is_written_only_over_what_was_read(
    place: Place, client: Callable[[str], Any]
) -> None:
    ann, bob = journals_of(place, client), journals_of(place, client)
    assert ann.load() is None
    assert bob.load() is None
    ann.save(new_release())
    with pytest.raises(TakenOverError):
        bob.save(new_release())
    found = bob.load()
    assert found is not None
    bob.save(found.with_state(found.state, "bob was here", me=None))
    with pytest.raises(TakenOverError):
        ann.save(found)


def test_a_journal_of_a_later_perch_is_not_guessed_at(
    place: Place, client: Callable[[str], Any]
) -> None:
    later = json.loads(new_release().model_dump_json()) | {"version": 2}
    client("s3").put_object(
        Bucket=place.artefact_bucket, Key="rollout/journal.json", Body=json.dumps(later)
    )
    with pytest.raises(CommandFailedError, match="its version is 2"):
        journals_of(place, client).load()


def test_composite_alarms_are_read_and_machines_held(
    place: Place, client: Callable[[str], Any]
) -> None:
    cloudwatch = client("cloudwatch")
    alarms = ColourAlarms(place, cloudwatch)
    assert alarms.ringing() == ()
    name = place.alarm_names["green"]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    assert alarms.ringing() == (name,)
    assert alarms.ringing(("blue",)) == ()
    for change, enabled in ((alarms.hold, False), (alarms.release, True)):
        change("green")
        found = cloudwatch.describe_alarms(AlarmNames=list(place.held_alarms("green")))
        assert [one["ActionsEnabled"] for one in found["MetricAlarms"]] == [enabled]


def test_what_is_kept_warm_is_let_go_by_aws_itself(
    place: Place, client: Callable[[str], Any]
) -> None:
    """Twice in a row, too: the group's own minimum is not forgotten."""
    scaling, group = client("autoscaling"), place.scaling_groups["blue"]
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=0)
    for _ in range(2):
        until = keep_warm(scaling, group, 60)
        [action] = scaling.describe_scheduled_actions(
            AutoScalingGroupName=group, ScheduledActionNames=[ACTION]
        )["ScheduledUpdateGroupActions"]
        assert (action["MinSize"], action["StartTime"]) == (0, until)
        [found] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
            "AutoScalingGroups"
        ]
        assert found["MinSize"] == found["DesiredCapacity"] == 1
    assert keep_warm(scaling, group, 0) is None


def test_rollback_needs_the_name_and_credentials_alone(
    place: Place, client: Callable[[str], Any], tmp_path: Path
) -> None:
    """No outputs, no Pulumi: the folder is empty."""
    released(place, client, "baking", 50)
    done = rollback(tmp_path)
    assert done.exit_code == 0, done.output
    assert "the weights send every new session to blue, read back" in done.output
    assert weights_of(place, client).read() == {"blue": 100, "green": 0}
    journal = journals_of(place, client).load()
    assert journal is not None
    assert (journal.state.phase, journal.operator) == ("rolled_back", None)
    assert "taken back by" in journal.state.reason


@pytest.mark.parametrize("phase", ["checking", "baking", "promoting"])
def test_a_rollback_after_a_release_whose_operator_died_lets_machines_be_taken_again(
    place: Place, client: Callable[[str], Any], folder: Path, phase: str
) -> None:
    alarms = ColourAlarms(place, client("cloudwatch"))
    alarms.hold("green")
    released(place, client, phase, 0 if phase == "checking" else 50)
    assert is_held(place, client)
    assert rollback(folder).exit_code == 0
    assert not is_held(place, client)


def test_who_goes_on_with_a_release_whose_operator_died_lets_machines_be_taken_at_its_end(
    place: Place, client: Callable[[str], Any]
) -> None:
    alarms = ColourAlarms(place, client("cloudwatch"))
    alarms.hold("green")
    released(place, client, "baking", 100)
    parts = Parts(
        weights=weights_of(place, client),
        alarms=alarms,
        record=InService("local", place.in_service_parameter, client("ssm")),
        problems=tuple,
        measure=lambda colours: tuple(BROKEN if one == "green" else GOOD for one in colours),
        keep_warm=lambda *_: None,
    )
    store = journals_of(place, client)
    done = Release(parts, store, say=lambda _: None, sleep=lambda _: None).resume()
    assert done.state.phase == "rolled_back"
    assert not is_held(place, client)


def is_held(place: Place, client: Callable[[str], Any]) -> bool:
    """Whether any alarm that takes machines from green has its actions off."""
    found = client("cloudwatch").describe_alarms(AlarmNames=list(place.held_alarms("green")))
    assert found["MetricAlarms"]
    return any(not one["ActionsEnabled"] for one in found["MetricAlarms"])


def test_rollback_after_a_promotion_brings_the_old_colour_back_into_service(
    place: Place, client: Callable[[str], Any], folder: Path
) -> None:
    record = InService("local", place.in_service_parameter, client("ssm"))
    released(place, client, "promoted", 100)
    record.write("green")
    assert rollback(folder).exit_code == 0
    assert record.read() == "blue"
    assert weights_of(place, client).read() == {"blue": 100, "green": 0}


def test_rollback_twice_is_rollback(
    place: Place, client: Callable[[str], Any], folder: Path
) -> None:
    released(place, client, "paused", 5)
    first, second = rollback(folder), rollback(folder)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert weights_of(place, client).read() == {"blue": 100, "green": 0}


def test_rollback_without_a_journal_goes_where_the_record_says(
    place: Place, client: Callable[[str], Any], folder: Path
) -> None:
    """As where weights were turned by hand, or the bucket does not answer."""
    weights_of(place, client).turn("green", 40)
    done = rollback(folder, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["to"] == "blue"
    assert weights_of(place, client).read() == {"blue": 100, "green": 0}


def test_where_nothing_is_to_be_taken_back_a_colour_must_be_named(
    place: Place, client: Callable[[str], Any], folder: Path
) -> None:
    asked = rollback(folder)
    assert asked.exit_code == 2
    assert "name the colour with --to" in asked.output
    assert rollback(folder, "--to", "green").exit_code == 0
    assert weights_of(place, client).read() == {"blue": 0, "green": 100}


def test_a_colour_that_could_take_no_session_is_refused_unless_forced(
    place: Place, client: Callable[[str], Any], folder: Path
) -> None:
    elb, group = client("elbv2"), place.target_groups["green"]
    targets = [
        one["Target"]
        for one in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    ]
    elb.deregister_targets(TargetGroupArn=group, Targets=targets)
    try:
        refused = rollback(folder, "--to", "green")
        assert refused.exit_code == 1
        assert "green has no healthy target (targets: none)" in refused.output
        assert weights_of(place, client).read() == {"blue": 100, "green": 0}
        assert rollback(folder, "--to", "green", "--force").exit_code == 0
    finally:
        elb.register_targets(TargetGroupArn=group, Targets=targets)
