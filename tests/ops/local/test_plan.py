"""Ports and settings of a local stack, from its file as delivered."""

import itertools
import json
from pathlib import Path

import pytest

from ops.local.plan import (
    AWS_PORT,
    PORTS_IN_A_ROW,
    PROMETHEUS_PORT,
    Choices,
    configured_ports,
    exported_ports,
    has_fallback,
)
from ops.stack import COLOURS, StackOutputs
from tests.support.outputs import COLOUR, OUTPUTS
from tests.support.stacks import sample


def ports(choices: Choices) -> dict[str, int]:
    return configured_ports(sample("local", choices.overrides(Path("/ca.pem"))))


def test_the_committed_stack_names_every_port_and_none_twice() -> None:
    named = {
        "the AWS API": AWS_PORT,
        "Prometheus": PROMETHEUS_PORT,
        **ports(Choices()),
    }
    assert len(named) == PORTS_IN_A_ROW
    assert len(set(named.values())) == PORTS_IN_A_ROW


def test_a_row_of_ports_replaces_all_of_them() -> None:
    choices = Choices(ports_from=20_000)
    chosen = {choices.aws_port, choices.prometheus_port, *ports(choices).values()}
    assert chosen == set(range(20_000, 20_000 + PORTS_IN_A_ROW))


def test_with_a_row_of_ports_a_fallback_is_at_the_colours_new_ports() -> None:
    def fallback(choices: Choices) -> object:
        project = sample("local", choices.overrides(None))
        return json.loads(project.config["perch:gateway"]).get("fallback")

    assert has_fallback(sample("local"))
    own = fallback(Choices(has_fallback=True))
    assert own == {
        "endpoints": ["127.0.0.1:50061/9001", "127.0.0.1:50062/9002"],
        "cidrs": ["127.0.0.1/32"],
    }
    moved = fallback(Choices(ports_from=20_000, has_fallback=True))
    assert moved == {
        "endpoints": ["127.0.0.1:20003/20004", "127.0.0.1:20006/20007"],
        "cidrs": ["127.0.0.1/32"],
    }


def test_a_stack_without_a_fallback_gets_none_from_a_row_of_ports() -> None:
    assert not has_fallback(sample("dev"))
    assert "gateway" not in Choices(ports_from=20_000).overrides(None)


def test_the_listeners_port_can_be_chosen_alone_and_wins_over_the_row() -> None:
    own = ports(Choices())
    assert ports(Choices(listener_port=9443)) == own | {"the listener": 9443}
    both = ports(Choices(listener_port=9443, ports_from=20_000))
    assert both["the listener"] == 9443
    assert both["gateway-blue"] == 20_002


@pytest.mark.parametrize("authority", [None, Path("/a b/ca.pem")])
def test_clients_are_told_of_the_authority_there_is(authority: Path | None) -> None:
    told = Choices().overrides(authority)["certificate"]["ca_path"]
    assert told == (None if authority is None else "/a b/ca.pem")


def test_what_is_exported_is_named_as_what_is_configured() -> None:
    count = itertools.count(8081)
    keys = ("gateway_port", "riva_grpc_port", "riva_http_port")
    colours = {name: COLOUR | {key: next(count) for key in keys} for name in COLOURS}
    outputs = StackOutputs.model_validate(OUTPUTS | {"colours": colours})
    assert exported_ports(outputs).keys() == ports(Choices()).keys()
    assert exported_ports(outputs)["emulator-green (gRPC)"] == 8085
