"""A release and its way back on this machine: real gateways, real speech, a real listener.

Not proved: latencies, as two recognisers share this machine's processors with the tests.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.port_rows import free_row
from tests.support.up_process import running_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.up_process import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("release"), "--ports-from", str(free_row())) as running:
        yield running


def test_a_colour_is_released_and_taken_back(up: Up) -> None:
    released = up.perch(
        *("canary", "--steps", "20,100", "--bake", "0", "--samples", "2"),
        *("--slower", "1000", "--warm", "1", "--json"),
    )
    assert released.exit_code == 0, released.output
    journal = json.loads(released.stdout)
    assert (journal["canary"], journal["state"]["phase"]) == ("green", "promoted")
    assert "green 100, read back" in released.stderr
    again = up.perch("canary", "--resume")
    assert again.exit_code == 2
    assert "the last one is promoted" in again.output
    back = up.perch("rollback", "--wait", "10", "--json")
    assert back.exit_code == 0, back.output
    done = json.loads(back.stdout)
    assert (done["to"], done["problems"], done["old_sessions"]) == ("blue", [], 0)
    planned = up.perch("canary", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "release  blue -> green of stack local" in planned.output
