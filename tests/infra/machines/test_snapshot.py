"""A volume with image and models: what is asked of AWS, and which snapshot is refused before.

Does not prove that AWS makes such a volume: docs/unverified.md.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.offline import placeholders
from ops.offline.engine.recording import Recording
from ops.offline.errors import OfflineError
from tests.infra.building import changed_stack

pytestmark = pytest.mark.xdist_group("infra-program")

LOOK_UP = "aws:ebs/getSnapshot:getSnapshot"
SNAPSHOT = "snap-0123456789abcdef0"
CHANGE: dict[str, object] = {"blue": {"snapshot_id": SNAPSHOT, "snapshot_mib_per_second": 300}}


def volumes(recording: Recording, colour: str) -> list[dict[str, Any]]:
    template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", f"perch-prod-{colour}")
    found: list[dict[str, Any]] = template.inputs["blockDeviceMappings"]
    return found


def account(monkeypatch: pytest.MonkeyPatch, *, encrypted: bool, gib: int) -> None:
    def answer(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
        assert arguments["snapshotIds"] == [SNAPSHOT]
        return {"id": SNAPSHOT, "region": region, "encrypted": encrypted, "volumeSize": gib}

    monkeypatch.setitem(placeholders.FIXTURES, LOOK_UP, answer)


def test_a_colour_has_one_volume_more_and_the_other_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account(monkeypatch, encrypted=True, gib=200)
    recording = changed_stack("prod", CHANGE)
    root, brought = volumes(recording, "blue")
    assert (root["deviceName"], brought["deviceName"]) == ("/dev/sda1", "/dev/sdf")
    assert brought["ebs"] == {
        "snapshotId": SNAPSHOT,
        "volumeInitializationRate": 300,
        "volumeType": "gp3",
        "volumeSize": 200,
        "throughput": 500,
        "iops": 6000,
        # No key: a template cannot name one beside a snapshot, which has its own.
        "deleteOnTermination": "true",
    }
    assert volumes(recording, "green") == [root]


@pytest.mark.parametrize(
    ("encrypted", "gib", "said"),
    [
        (False, 100, f"snapshot_id is {SNAPSHOT}, which is not encrypted; accepted: a snapshot of"),
        (True, 201, f"volume_gib is 200, and {SNAPSHOT} is of a volume of 201 GiB; accepted: 201"),
    ],
)
def test_a_snapshot_that_would_not_do_is_an_error_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, encrypted: bool, gib: int, said: str
) -> None:
    account(monkeypatch, encrypted=encrypted, gib=gib)
    with pytest.raises(OfflineError) as refused:
        changed_stack("prod", CHANGE)
    assert said in str(refused.value)
    assert "Traceback" not in str(refused.value)
