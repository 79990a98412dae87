"""What a stack was made with is refused to be otherwise, in words, before anything is touched.

The engine answers what a stack exported last; here a recording of it stands in.
"""

from collections.abc import Mapping

import pulumi
import pytest

from infra.config.fixed import fixed_outputs, fixed_problems
from infra.config.stack import parse
from ops.offline.errors import OfflineError
from tests.infra.building import STACKS, changed_stack, stack
from tests.infra.config.configurations import valid
from tests.support.cases import few

pytestmark = pytest.mark.xdist_group("infra-program")

ADOPTED = {
    "vpc_id": "vpc-0123456789abcdef0",
    "public_subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "private_subnet_ids": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
}


def exported(**changes: object) -> dict[str, object]:
    """What a stack of this configuration exports, as far as it is fixed."""
    settings, _ = parse(valid(**changes))
    colours = {name: {"gateway_port": one.gateway_port} for name, one in settings.colours()}
    return {"fixed": fixed_outputs(settings), "colours": colours}


def refused(before: Mapping[str, object], **changes: object) -> list[str]:
    settings, _ = parse(valid(**changes))
    return [str(problem) for problem in fixed_problems(settings, before)]


@pytest.mark.parametrize("name", few(STACKS, ("prod",)))
def test_a_stack_takes_its_own_configuration_again(name: str) -> None:
    assert changed_stack(name, {}, last_outputs=stack(name).outputs).outputs == stack(name).outputs


def test_all_of_it_is_refused_at_once_and_nothing_is_touched() -> None:
    changes = {
        "network": {"cidr": "10.70.0.0/16"},
        "load_balancer": {"internal": True},
        "green": {"gateway_port": 8081},
    }
    with pytest.raises(OfflineError, match=r"3 problem\(s\) .*, nothing was touched") as error:
        changed_stack("dev", changes, last_outputs=stack("dev").outputs)
    why = "which the stack was made with; another one needs another stack, or this one destroyed"
    for said in (
        f'network.cidr is "10.70.0.0/16"; accepted: "10.64.0.0/16", {why}',
        f"load_balancer.internal is true; accepted: false, {why}",
        f"green.gateway_port is 8081; accepted: 8080, {why}",
    ):
        assert said in " ".join(str(error.value).split())


def test_a_stack_that_does_not_exist_takes_anything() -> None:
    assert refused({}, network__cidr="10.70.0.0/16", blue__gateway_port=8081) == []


def test_outputs_that_cannot_be_read_are_warned_of_and_refuse_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no backend client is available")

    monkeypatch.setattr(pulumi.runtime, "invoke", refuse)
    recording = changed_stack("dev", {"blue": {"gateway_port": 8081}})
    [warned] = [one.message for one in recording.diagnostics if "could not be read" in one.message]
    assert warned.startswith("what offline/perch/dev was made with could not be read: no backend")


def test_a_stack_of_an_older_program_is_held_to_what_it_said() -> None:
    before = {"colours": {"blue": {"gateway_port": 8080.0}}}
    [said] = refused(before, network__cidr="10.70.0.0/16", blue__gateway_port=8081)
    assert said.startswith("blue.gateway_port is 8081; accepted: 8080")


def test_an_adopted_vpc_is_neither_left_nor_entered_later() -> None:
    own, other = exported(), exported(network__adopt=ADOPTED)
    assert [one.partition(" is ")[0] for one in refused(own, network__adopt=ADOPTED)] == [
        "network.cidr",
        "network.adopt.vpc_id",
    ]
    assert [one.partition(" is ")[0] for one in refused(other)] == [
        "network.cidr",
        "network.adopt.vpc_id",
    ]
    # Its range is nobody's, and subnets may change within it.
    assert refused(other, network__adopt=ADOPTED, network__cidr="10.70.0.0/16") == []


def test_zones_may_be_added_or_left_at_the_end_alone() -> None:
    two, three = ["us-east-2a", "us-east-2b"], ["us-east-2a", "us-east-2b", "us-east-2c"]
    before = exported(network__zones=2, network__zone_names=two)
    assert refused(before, network__zones=3, network__zone_names=three) == []
    assert refused(exported(network__zones=3, network__zone_names=three)) == []
    [said] = refused(before, network__zones=2, network__zone_names=two[::-1])
    assert said.startswith('network.zone_names is ["us-east-2b", "us-east-2a"]; accepted: ["us-e')
