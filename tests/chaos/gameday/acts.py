"""What happens on a game day: good and bad releases, a recogniser and an operator that die."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from app.emulator.scripting import Script, ScriptedResult, ScriptedWord, StreamScript
from tests.chaos.gameday.evening import POLL_S, Done, Evening, EveningError, ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ops.rollout.journal import Journal
    from ops.stack import Colour

OLD_SESSIONS_S: Final = 180.0
RESUME_S: Final = 300.0
"""How long somebody else waits for the lease of an operator who is gone: it is three minutes."""
RESUME_EVERY_S: Final = 15.0
USUAL: Final = ("--bake", "5", "--samples", "3", "--warm", "1")
AS_FAST: Final = ("--slower", "1000")
"""Latency is no fault of a release here: two recognisers and the speakers share this machine's
processors, and at the last step every speaker is with the canary and none with the baseline. A good
one was measured 4.7 times as late then, on a machine that had other work."""

SLOW: Final = Script(streams=(StreamScript(result_delay=1.5),))
"""Every result is held back, and with interims every half second they pile up."""
UNSAID: Final = "the tide comes in and the boats go out"
WRONG: Final = Script(
    streams=(
        StreamScript(
            results=(
                ScriptedResult(at=0.4, text="the tide", stability=0.5),
                ScriptedResult(
                    at=4.0,
                    text=UNSAID,
                    is_final=True,
                    words=tuple(
                        ScriptedWord(word=word, start=0.4 * place, end=0.4 * place + 0.3)
                        for place, word in enumerate(UNSAID.split())
                    ),
                ),
            ),
            repeat_every=4.5,
        ),
    )
)
"""A model that answers in time, and hears what nobody says."""
LISTEN: Final = Script()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an act ended, in seconds.

    Attributes:
        phase: Of the release.
        reason: Why it is there.
        detected_s: From the fault until the release knew; None where nothing was to be.
        new_sessions_s: From then until every new session went back, read back from the balancer.
        last_session_s: From then until the colour that was left had no session; None where that
            was not seen.
    """

    phase: str
    reason: str = ""
    detected_s: float | None = None
    new_sessions_s: float | None = None
    last_session_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that happens.

    Attributes:
        name: For `--only`.
        title: What happens.
        play: Lets it happen.
        phase: How the release must end.
        because: Words that its reason must have.
        lossless: Whether no word may be lost: not so where the recogniser itself hears wrongly.
    """

    name: str
    title: str
    play: Callable[[Evening], Awaitable[Outcome]]
    phase: str
    because: str = ""
    lossless: bool = True


async def good(evening: Evening) -> Outcome:
    """Release a colour that is as good as the other one, and take it back all the same."""
    canary = await evening.idle()
    done = await evening.run("canary", "--steps", "50,100", *USUAL, *AS_FAST, "--json")
    journal = done.json()
    if journal["state"]["phase"] != "promoted":
        raise EveningError(f"not promoted: {done.told}")
    back = (await evening.run("rollback", "--wait", str(OLD_SESSIONS_S), "--json")).json()
    if back["old_colour"] != canary:
        raise EveningError(f"taken back from {back['old_colour']}, not from {canary}")
    return Outcome(
        phase="promoted",
        new_sessions_s=back["new_sessions_s"],
        last_session_s=back["old_sessions_s"],
    )


def scripted(script: Script, *patience: str) -> Callable[[Evening], Awaitable[Outcome]]:
    """An act in which the canary's recogniser turns bad once it has traffic."""

    async def play(evening: Evening) -> Outcome:
        canary = await evening.idle()
        before = await evening.journal()
        command = await evening.start("canary", "--steps", "50,100", *USUAL, *patience, "--json")
        await evening.until_step(before, 1, command)
        await evening.script(canary, script)
        struck_at = datetime.now(UTC)
        try:
            done = await ended(command)
        finally:
            await evening.script(canary, LISTEN)
        return await _taken_back(evening, canary, done, struck_at)

    return play


def dying(child: str, weight: int) -> Callable[[Evening], Awaitable[Outcome]]:
    """An act in which a process of the canary dies again and again."""

    async def play(evening: Evening) -> Outcome:
        canary = await evening.idle()
        before = await evening.journal()
        command = await evening.start(
            "canary", "--steps", f"{weight},100", *USUAL, *AS_FAST, "--json"
        )
        await evening.until_step(before, weight, command)
        struck_at = datetime.now(UTC)
        killer = asyncio.create_task(evening.killing(f"{child}-{canary}"))
        try:
            done = await ended(command)
        finally:
            killer.cancel()
            with suppress(asyncio.CancelledError):
                await killer
        outcome = await _taken_back(evening, canary, done, struck_at)
        await evening.healthy(canary)
        return outcome

    return play


async def operator(evening: Evening) -> Outcome:
    """Kill the operator's process in the middle of a release, and let another one go on."""
    before = await evening.journal()
    command = await evening.start("canary", "--steps", "50,100", *USUAL, *AS_FAST, "--json")
    await evening.until_step(before, 50, command)
    struck = time.monotonic()
    command.send_signal(signal.SIGKILL)
    if (await ended(command)).exit_code != -signal.SIGKILL:
        raise EveningError("the operator's process ended before it was killed")
    while True:
        done = await evening.run("canary", "--resume", "--json")
        if "is at the release" not in done.told:
            break
        if time.monotonic() - struck > RESUME_S:
            raise EveningError(f"nobody else may go on: {done.told}")
        await asyncio.sleep(RESUME_EVERY_S)
    state = done.json()["state"]
    back = (await evening.run("rollback", "--wait", str(OLD_SESSIONS_S), "--json")).json()
    return Outcome(
        phase=state["phase"],
        reason=state["reason"],
        detected_s=_resumed_after(await evening.journal(), struck),
        new_sessions_s=back["new_sessions_s"],
        last_session_s=back["old_sessions_s"],
    )


def _resumed_after(journal: Journal | None, struck: float) -> float | None:
    """Seconds until another operator was let go on."""
    if journal is None:
        return None
    now, clock = datetime.now(UTC), time.monotonic()
    for event in journal.events:
        if event.text.startswith("resumed"):
            return clock - struck - (now - event.at).total_seconds()
    return None


async def _taken_back(evening: Evening, canary: Colour, done: Done, struck_at: datetime) -> Outcome:
    state = done.json()["state"]
    journal = await evening.journal()
    if journal is None or state["phase"] != "rolled_back":
        return Outcome(phase=state["phase"], reason=state["reason"])
    at = {event.phase: event.at for event in journal.events}
    known, back = at["returning"], at["restoring"]
    return Outcome(
        phase=state["phase"],
        reason=state["reason"],
        detected_s=(known - struck_at).total_seconds(),
        new_sessions_s=(back - known).total_seconds(),
        last_session_s=await _emptied(evening, canary, known),
    )


async def _emptied(evening: Evening, colour: Colour, since: datetime) -> float | None:
    """Seconds until a colour had no session any more; None where that was not seen."""
    deadline = time.monotonic() + OLD_SESSIONS_S
    while time.monotonic() < deadline:
        if await evening.sessions(colour) == 0:
            return (datetime.now(UTC) - since).total_seconds()
        await asyncio.sleep(POLL_S)
    return None


ACTS: Final = {
    act.name: act
    for act in (
        Act(
            name="good",
            title="A good release: promoted, then taken back with `perch rollback`",
            play=good,
            phase="promoted",
        ),
        Act(
            name="slow",
            title="A slow one: its recogniser holds every result back",
            play=scripted(SLOW, "--slower", "100"),
            phase="rolled_back",
            because="final after the end of speech",
        ),
        Act(
            name="wrong",
            title="A wrong one: its recogniser hears what nobody says",
            play=scripted(WRONG, *AS_FAST),
            phase="rolled_back",
            because="word error rate",
            lossless=False,
        ),
        Act(
            name="crashing",
            title="A crashing one: its gateway dies five times in a row",
            play=dying("gateway", 50),
            phase="rolled_back",
            because="sessions failed",
        ),
        Act(
            name="recogniser-killed",
            title="Riva dies at 50 %, five times in a row",
            play=dying("emulator", 50),
            phase="rolled_back",
            because="sessions failed",
        ),
        Act(
            name="operator-killed",
            title="The operator's process dies at 50 %; another one resumes, and takes it back",
            play=operator,
            phase="promoted",
        ),
    )
}
