"""How long a leaving machine's sessions are waited for: at six places, which must fit together.

Computed from what every stack registers and from the gateway's own defaults. Not proved: that AWS
waits as long as it is told, and in which order it deregisters a target and begins a hook.
"""

import re
from dataclasses import dataclass

import pytest

from app.gateway.server.protocol.websocket import LINGER_S
from app.gateway.settings.gateway import GatewaySettings
from infra.boot import read_user_data
from ops.offline.engine.recording import Recording
from tests.infra.building import STACKS, changed_stack, stack
from tests.support.cases import few

pytestmark = pytest.mark.xdist_group("infra-program")

FINALS_SECONDS = GatewaySettings.model_fields["ws_final_timeout_s"].default
SPOT_NOTICE_SECONDS = 120
"""EC2 User Guide, on spot interruption notices."""
HURRY_SECONDS = 15
"""Before the end of a spot machine the script `drain` gives the gateway its second signal."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Seconds, from what one colour is made of.

    Attributes:
        grace: sessions go on by themselves.
        drain: from SIGTERM until the gateway cuts what is left.
        stop: from SIGTERM until systemd kills the gateway.
        container: the same for somebody who stops the container.
        poll: between two looks for a notice.
        hook: the group waits for the machine.
        deregistration: the load balancer keeps connections to it.
        leave: a drained machine offers to go.
    """

    grace: int
    drain: int
    stop: int
    container: int
    poll: int
    hook: int
    deregistration: int
    leave: int


def times(recording: Recording, colour: str) -> Times:
    name = f"perch-{recording.stack}-{colour}"
    template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", name)
    text = read_user_data(template.inputs["userData"])

    def told(variable: str) -> int:
        written = re.findall(rf'{variable}="?(\d+)"?$', text, flags=re.MULTILINE)
        # The recogniser's unit has a time to stop, too; the gateway's is in a file of its own.
        return int(written[-1])

    hook = recording.one("aws:autoscaling/lifecycleHook:LifecycleHook", f"{name}-drained")
    return Times(
        grace=told("APP_DRAIN_GRACE_S"),
        drain=told("APP_DRAIN_TIMEOUT_S"),
        stop=told("TimeoutStopSec"),
        container=told("PERCH_STOP_SECONDS"),
        poll=told("PERCH_POLL_SECONDS"),
        hook=hook.inputs["heartbeatTimeout"],
        deregistration=recording.one("aws:lb/targetGroup:TargetGroup", name).inputs[
            "deregistrationDelay"
        ],
        leave=told("PERCH_LEAVE_SECONDS"),
    )


def check(found: Times) -> None:
    # Whoever is finalised at the end of the grace has his last results before the cut ...
    assert found.drain - found.grace >= min(FINALS_SECONDS, found.drain // 2)
    # ... the gateway closes what it cut before anybody kills it ...
    assert found.stop == found.container >= found.drain + LINGER_S
    # ... the load balancer holds the connections that long ...
    assert found.deregistration >= found.drain + LINGER_S
    # ... and the group the machine, from the notice to the kill.
    assert found.hook >= found.poll + found.stop
    # A hook begins after the load balancer has let go, and takes no answer before.
    assert found.leave >= found.deregistration + found.hook
    # A spot machine has less: its last results come before it is hurried.
    assert found.grace + FINALS_SECONDS + found.poll <= SPOT_NOTICE_SECONDS - HURRY_SECONDS


@pytest.mark.parametrize("colour", ["blue", "green"])
@pytest.mark.parametrize("name", STACKS)
def test_every_wait_outlasts_the_one_inside_it(name: str, colour: str) -> None:
    check(times(stack(name), colour))


@pytest.mark.parametrize("seconds", few((1, 61, 3300), (3300,)))
def test_the_shortest_and_the_longest_drain_fit_too(seconds: int) -> None:
    recording = changed_stack("dev", {"gateway": {"drain_seconds": seconds}})
    found = times(recording, "blue")
    assert found.drain == seconds
    check(found)


@pytest.mark.parametrize(("minutes", "hook"), [(45, 3300), (110, 7200)])
def test_a_group_waits_ten_minutes_longer_than_a_machine_for_its_readiness(
    minutes: int, hook: int
) -> None:
    recording = changed_stack("dev", {"scaling": {"ready_minutes": minutes}})
    for colour in ("blue", "green"):
        template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", f"perch-dev-{colour}")
        text = read_user_data(template.inputs["userData"])
        assert re.findall(r'PERCH_READY_SECONDS="?(\d+)', text) == [str(minutes * 60)]
        named = f"perch-dev-{colour}-ready"
        waits = recording.one("aws:autoscaling/lifecycleHook:LifecycleHook", named)
        assert waits.inputs["heartbeatTimeout"] == hook
