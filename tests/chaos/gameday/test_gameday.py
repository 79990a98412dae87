"""What a game day's row promises, fed with made-up sessions; and one act for real.

All acts: `make gameday`. The act here does not prove that a client loses no word while its gateway
crashes, nor that a load balancer of AWS turns as fast as the one of this machine.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from app.emulator import Script, StreamScript
from app.emulator.scripting import After, Fail
from tests.chaos.clients import Heard, perch
from tests.chaos.gameday.__main__ import SUITE, run
from tests.chaos.gameday.acts import ACTS, Outcome
from tests.chaos.gameday.audience import Audience
from tests.chaos.gameday.report import REPORT, judged
from tests.chaos.speech import FAST, Recording
from tests.chaos.word_difference import Difference
from tests.support.gateways.running import running_emulator, running_gateway
from tests.support.processes import Place

if TYPE_CHECKING:
    from pathlib import Path

SAID = "Good morning, we open at nine."
CRASHING = ACTS["crashing"]
BACK = Outcome(
    phase="rolled_back",
    reason="3 of 5 sessions failed at the canary",
    detected_s=4.0,
    new_sessions_s=0.5,
    last_session_s=12.0,
)


def heard(text: str, *, error: str | None = None) -> Heard:
    what = Recording(name="made-up", rate=16_000, data=b"")
    return Heard(
        client="perch", what=what, finals=[text], results_at=[1.0], ended_at=2.0, error=error
    )


def audience(*sessions: Heard) -> Audience:
    return Audience({"made-up": heard(SAID)}, list(sessions), [1.0] * len(sessions))


def test_an_act_that_ends_as_it_must_keeps_its_promises() -> None:
    row = judged(CRASHING, BACK, audience(heard(SAID), heard(SAID)), 30.0)
    assert row.broken == ()
    assert (row.sessions, row.affected, row.difference) == (2, 0, Difference())
    assert "| 4.0 | 0.5 | 12.0 | 2 (0) | 0 | 0 | 0 |" in REPORT.line(row)


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        (replace(BACK, phase="promoted"), "the release is promoted and not rolled_back"),
        (replace(BACK, reason="word error rate 40 %"), "not for sessions failed"),
        (replace(BACK, new_sessions_s=None), "nobody saw when new sessions went back"),
        (replace(BACK, last_session_s=301.0), "the last old session went back after 301 s"),
    ],
)
def test_a_release_that_ends_otherwise_or_too_late_breaks_the_act(
    outcome: Outcome, sentence: str
) -> None:
    (broken,) = judged(CRASHING, outcome, audience(heard(SAID)), 30.0).broken
    assert sentence in broken


def test_a_word_lost_or_a_session_that_fails_breaks_the_act() -> None:
    less = judged(CRASHING, BACK, audience(heard("Good morning, we open nine.")), 30.0)
    assert less.broken == ("1 words were lost, 0 came twice",)
    assert less.affected == 1
    gone = judged(CRASHING, BACK, audience(heard(SAID, error="gone")), 30.0)
    assert gone.broken == ("a session (made-up) ended with gone",)


def test_words_of_a_recogniser_that_hears_wrongly_are_counted_and_break_nothing() -> None:
    outcome = replace(BACK, reason="word error rate 90 % at the canary")
    row = judged(ACTS["wrong"], outcome, audience(heard("the tide comes in")), 30.0)
    assert row.broken == ()
    assert row.difference.lost > 0


LOADING = Script(loading_seconds=3600)
FAILING = Script(
    streams=(
        StreamScript(
            fault=Fail(
                do="fail", after=After(audio_seconds=0.1), status="UNAVAILABLE", message="no"
            )
        ),
    )
)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "code", "turned_away"),
    [(LOADING, "asr_unavailable", True), (FAILING, "asr_overloaded", False)],
)
async def test_a_start_that_is_refused_on_an_open_connection_is_turned_away_and_a_session_is_not(
    script: Script, code: str, turned_away: bool
) -> None:
    said = Heard(client="perch", what=Recording(name="silence", rate=16_000, data=bytes(16_000)))
    async with (
        running_emulator(script) as emulator,
        running_gateway(emulator, app_ready_probe_interval_s=3600) as gateway,
    ):
        await perch(Place(url=gateway.url.removesuffix("/ws")), said, FAST, None)
    assert (said.error, said.begun, said.turned_away) == (code, not turned_away, turned_away)


def test_the_command_names_its_acts(capsys: pytest.CaptureFixture[str]) -> None:
    assert SUITE.main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(ACTS)


@pytest.mark.oncall
@pytest.mark.timeout(1200)
def test_a_release_whose_recogniser_hears_wrongly_is_taken_back_by_its_words(
    tmp_path: Path,
) -> None:
    (row,) = asyncio.run(run([ACTS["wrong"]], tmp_path))
    assert row.broken == ()
    assert "word error rate" in row.release
    assert row.sessions > 0
