"""What is played, when, by whom: the plan of a level, as generator processes are told it.

Every moment is planned before the first session begins. A session that is late is counted from when
it should have begun, and a word from when it should have been sent: a service that stalls cannot
hide the sessions and words it held up ("coordinated omission").
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

Dialect = Literal["a", "b"]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SpokenClip(_Told):
    """A recording that is played.

    Attributes:
        path: The file.
        seconds: How much of it is played.
        speech_start_s: Where speech begins in it; None where that is not known.
        speech_end_s: Where it ends.
    """

    path: str
    seconds: float
    speech_start_s: float | None = None
    speech_end_s: float | None = None


class Turn(_Told):
    """One session of a voice: when it should begin, from the level's begin, and its clip."""

    at: float
    clip: int


class Voice(_Told):
    """One client that plays a session after the other.

    Attributes:
        dialect: Of the contract.
        cut: Whether the connection of each of its sessions is broken once, in the middle.
        turns: Ascending.
    """

    dialect: Dialect = "a"
    cut: bool = False
    turns: tuple[Turn, ...]


class Level(_Told):
    """One number of sessions at a time.

    Attributes:
        sessions: How many, over all generators.
        begins: Monotonic seconds of this machine, the same for each of its processes.
        ramp_s: Seconds in which the voices begin.
        duration_s: Seconds from then on that are measured.
        voices: Those of one generator.
    """

    sessions: int
    begins: float
    ramp_s: float
    duration_s: float
    voices: tuple[Voice, ...]


class Setup(_Told):
    """What a generator is told once. It comes by standard input: a token is in no command line.

    Attributes:
        url: Address of the gateway.
        token: Bearer token.
        ca: PEM file of the authority to trust.
        headers: Of each upgrade.
        clips: What is played.
        chunk_s: Seconds of audio in a message.
        patience_s: What a session may take beyond its clip before it counts as timed out.
    """

    url: str
    token: str | None = Field(None, repr=False)
    ca: str | None = None
    headers: dict[str, str] = {}
    clips: tuple[SpokenClip, ...]
    chunk_s: float = 0.1
    patience_s: float = 30.0


Failure = Literal["refused", "timeout", "disconnect", "error", "unheard", "not begun"]


class Played(_Told):
    """What came of one session. Seconds; None where something did not happen or is not known.

    Attributes:
        at: When it should have begun, from the level's begin.
        clip: Its number.
        clip_s: Its length.
        dialect: Of the contract.
        cut: Whether its connection was broken on purpose.
        queue_s: From the moment it should have begun to the gateway's word that it runs.
        spoke_at: When its first sample was spoken, from the level's begin.
        first_interim_s: From when the message in which speech begins should have been sent to the
            first interim with text.
        final_s: From when the message in which speech ends should have been sent to the last final.
        audio_s: Audio that was sent.
        wall_s: From the first sample to the end that the gateway confirmed.
        outage_s: How long a cut took to heal.
        failure: What went wrong, by kind.
        detail: An error code or a sentence.
    """

    at: float
    clip: int
    clip_s: float
    dialect: Dialect
    cut: bool = False
    queue_s: float | None = None
    spoke_at: float | None = None
    first_interim_s: float | None = None
    final_s: float | None = None
    audio_s: float = 0.0
    wall_s: float | None = None
    outage_s: float | None = None
    failure: Failure | None = None
    detail: str = ""


class Progress(_Told):
    """How a generator stands."""

    active: int
    finished: int
    failed: int


class Done(_Told):
    """What a generator says at a level's end.

    Attributes:
        sessions: One each.
        lateness_p99_s: How late it woke up to send, in all but one of a hundred times: its own
            fault, as nothing held it up then.
        lateness_max_s: The worst of them.
        loop_lag_p99_s: How late its event loop ran what was due.
        cpu_s: CPU time it took.
        wall_s: Seconds in which it took that.
    """

    sessions: tuple[Played, ...]
    lateness_p99_s: float | None
    lateness_max_s: float | None
    loop_lag_p99_s: float | None
    cpu_s: float
    wall_s: float


class Said(_Told):
    """A line of a generator: one of these."""

    ready: bool = False
    progress: Progress | None = None
    done: Done | None = None


def share(number: int, part: float) -> bool:
    """Return whether a voice of a number belongs to a part of all, evenly spread.

    Args:
        number: From 0.
        part: 0..1.
    """
    return int((number + 1) * part + 1e-9) > int(number * part + 1e-9)


def plan_voices(  # noqa: PLR0913 - independent keywords
    clips: Sequence[SpokenClip],
    *,
    sessions: int,
    ramp_s: float,
    duration_s: float,
    jitter_s: float,
    dialect_b: float,
    resuming: float,
    seed: int = 1,
) -> tuple[Voice, ...]:
    """Plan one voice a session at a time, each with sessions from its start to the level's end.

    Args:
        clips: Played in turn; each voice begins with another one.
        sessions: Voices.
        ramp_s: Starts are spread over so many seconds.
        duration_s: Seconds after that.
        jitter_s: Each start is moved by up to so much, so that sessions do not march in step.
        dialect_b: Part of the voices that speak dialect B, 0..1.
        resuming: Part of the others whose connections break, 0..1.
        seed: The same one gives the same plan.
    """
    chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
    voices = []
    speakers_of_a = 0
    for number in range(sessions):
        b = share(number, dialect_b)
        cut = not b and share(speakers_of_a, resuming)
        speakers_of_a += not b
        at = ramp_s * number / sessions + chance.uniform(0, jitter_s)
        turns = []
        turn = number
        while at < ramp_s + duration_s:
            clip = turn % len(clips)
            turns.append(Turn(at=round(at, 4), clip=clip))
            at += clips[clip].seconds + GAP_S + chance.uniform(0, jitter_s)
            turn += 1
        voices.append(Voice(dialect="b" if b else "a", cut=cut, turns=tuple(turns)))
    return tuple(voices)


GAP_S = 1.0
"""Between the end of a clip and the next session of the same voice: the last final comes in it."""
