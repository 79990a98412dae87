"""What a drill's row promises, fed with made-up sessions; and drills for real, with few people.

All drills with twenty people: `make drills`. None proves what a load balancer of AWS does with a
machine's new certificate, nor that a Riva server has no sessions while it restarts for one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.clients import Heard
from tests.chaos.drills.__main__ import SUITE, run
from tests.chaos.drills.crowd import Crowd
from tests.chaos.drills.report import REPORT, Row, judged
from tests.chaos.drills.rotations import DRILLS
from tests.chaos.speech import Recording
from tests.chaos.word_difference import Difference, TimedWord

if TYPE_CHECKING:
    from pathlib import Path

SAID = "Good morning, we open at nine."
STREAMS = 6
"""Two of each kind of token: one who is cut off, and one who is not."""


def heard(text: str = SAID, *, resumed: int = 0, error: str | None = None) -> Heard:
    what = Recording(name="made-up", rate=16_000, data=b"")
    words = [TimedWord(word=word, start=0.0, end=0.1) for word in text.split()]
    return Heard(
        client="resuming", what=what, finals=[text], words=words, resumed=resumed, error=error
    )


def row(*sessions: Heard, problems: tuple[str, ...] = ()) -> Row:
    """Of speakers 0, 1 and so on; every second one is cut off."""
    crowd = Crowd({"made-up": heard()}, heard=list(enumerate(sessions)))
    return judged("it", crowd, problems, streams=len(sessions), rotation_s=2.0, seconds=60.0)


def test_a_drill_in_which_who_was_cut_off_came_back_with_every_word_keeps_its_promises() -> None:
    kept = row(heard(), heard(resumed=1))
    assert kept.broken == ()
    assert REPORT.line(kept) == "| it | 2 | 2 | 1 | 0 | 12 | 0 | 0 | 2 |"


@pytest.mark.parametrize(
    ("session", "sentence"),
    [
        (heard("Good morning, we open nine.", resumed=1), "speaker 1 got"),
        (heard(f"{SAID} at nine", resumed=1), "speaker 1 got"),
        (heard(error="UnauthorizedError", resumed=1), "ended with UnauthorizedError"),
        (replace(heard(resumed=1), hung=True), "hung"),
    ],
)
def test_a_word_or_a_session_that_is_lost_breaks_the_promise(session: Heard, sentence: str) -> None:
    (broken,) = row(heard(), session).broken
    assert sentence in broken


def test_a_connection_that_nobody_cut_and_that_ended_breaks_the_promise() -> None:
    assert row(heard(resumed=1), heard(resumed=1)).broken == (
        "the connection of speaker 0 was lost",
    )


def test_a_drill_in_which_nobody_was_cut_off_proves_nothing() -> None:
    (broken,) = row(heard(), heard()).broken
    assert broken.startswith("nobody came back")


def test_what_the_rotation_found_breaks_the_promise() -> None:
    assert row(heard(resumed=1), heard(resumed=1), problems=("the old one is shown",)).broken[
        0
    ] == ("the old one is shown")


def test_the_command_names_its_drills(capsys: pytest.CaptureFixture[str]) -> None:
    assert SUITE.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(DRILLS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio
@pytest.mark.parametrize("half", [0, 1], ids=["one half", "the other half"])
async def test_what_is_rotated_under_live_streams_costs_no_word_and_no_session(
    tmp_path: Path, half: int
) -> None:
    """Every drill but the longest one, which waits for two recognisers to load four times.

    In halves, as it is the longest test of all and mostly waits: two processes take one each.
    """
    chosen = [one for name, one in DRILLS.items() if name != "riva-ca"][half::2]
    rows = await run(chosen, tmp_path, streams=STREAMS)
    assert [one.broken for one in rows] == [()] * len(chosen)
    assert [(one.dropped, one.difference) for one in rows] == [(0, Difference())] * len(chosen)
