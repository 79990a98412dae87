"""What processes took, by two readings of them."""

import os
import sys

import pytest

from ops.load.usage import Processes, Reading, Watch


def test_a_kind_took_what_lies_between_the_first_and_the_last_reading_of_a_level() -> None:
    watch = Watch({})
    watch.seen["gateway"] = [
        (0.0, Reading(9.0, 900, 9.0, 9.0)),
        (1.0, Reading(10.0, 100, 4.0, 1.0)),
        (2.0, Reading(10.5, 300, 4.4, 1.3)),
        (3.0, Reading(11.0, 200, 5.0, 1.5)),
    ]
    found = watch.usage("gateway", 0.5, 3.5)
    assert (found.cpu_cores, found.rss_bytes, found.waited) == (0.5, 300, 0.5)


def test_nothing_is_said_of_what_was_not_read_or_was_started_again() -> None:
    watch = Watch({})
    watch.seen["gateway"] = [(1.0, Reading(5.0, 1, 5.0, 1.0)), (2.0, Reading(1.0, 1, 1.0, 0.1))]
    again = watch.usage("gateway", 0.0, 3.0)
    assert (again.cpu_cores, again.waited) == (None, None)
    nobody = watch.usage("recogniser", 0.0, 3.0)
    assert (nobody.cpu_cores, nobody.rss_bytes, nobody.waited) == (None, None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone counts how long threads wait")
async def test_a_process_of_this_machine_is_read_with_its_waiting() -> None:
    found = await Processes(lambda: [os.getpid()]).read()
    assert found.ran_s is not None
    assert found.ran_s > 0
    assert found.waited_s is not None
    gone = Processes(lambda: [2**22 + 1])
    nobody = Processes(list)
    assert await gone.read() == await nobody.read() == Reading(None, None)
