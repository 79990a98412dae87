"""A generator process of `perch load`: plays its part of each level, and says what came of it.

It is told what to do by JSON lines on standard input, the first one a `Setup` and each further one
a `Level`, and answers by lines of `Said` on standard output. It ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import ssl
import sys
import time
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

import uvloop

from app.client import PcmAudio, read_audio
from ops.load.plan import Done, Level, Played, Progress, Said, Setup
from ops.load.playing.pace import BYTES_PER_SAMPLE, Lateness
from ops.load.playing.sessions import play
from ops.load.playing.stage import Stage
from ops.percentile import percentile

if TYPE_CHECKING:
    from ops.load.plan import SpokenClip, Voice

PROGRESS_S: Final = 1.0
LAG_EVERY_S: Final = 0.05


@dataclass(slots=True)
class _Count:
    active: int = 0
    finished: int = 0
    failed: int = 0


class Generator:
    """Plays levels.

    Args:
        setup: Where to, and how.
        audio: The samples of each clip.
    """

    def __init__(self, setup: Setup, audio: tuple[PcmAudio, ...]) -> None:
        self._setup = setup
        self._audio = audio
        secure = setup.url.startswith("wss:")
        self._context = ssl.create_default_context(cafile=setup.ca) if secure else None

    async def level(self, level: Level) -> Done:
        """Play one level to the end of its last session."""
        stage = Stage(
            setup=self._setup,
            audio=self._audio,
            context=self._context,
            lateness=Lateness(),
            begins=level.begins,
        )
        count = _Count()
        lags: list[float] = []
        cpu, wall = time.process_time(), monotonic()
        watching = [asyncio.create_task(_tell(count)), asyncio.create_task(_lag(lags))]
        try:
            async with asyncio.TaskGroup() as group:
                voices = [
                    group.create_task(_voice(stage, voice, level, count)) for voice in level.voices
                ]
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        return Done(
            sessions=tuple(played for voice in voices for played in voice.result()),
            lateness_p99_s=percentile(stage.lateness.seconds, 99),
            lateness_max_s=max(stage.lateness.seconds, default=None),
            loop_lag_p99_s=percentile(lags, 99),
            cpu_s=time.process_time() - cpu,
            wall_s=monotonic() - wall,
        )


async def _voice(stage: Stage, voice: Voice, level: Level, count: _Count) -> list[Played]:
    """Play a voice's sessions, each when it is due, or as soon as the one before it is over.

    What could not begin before the level's end was held up by the ones before it: it has failed.
    """
    played: list[Played] = []
    ends = level.begins + level.ramp_s + level.duration_s
    for turn in voice.turns:
        wait = level.begins + turn.at - monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        if monotonic() >= ends and wait <= 0:
            clip = stage.setup.clips[turn.clip]
            played.append(
                Played(
                    at=turn.at,
                    clip=turn.clip,
                    clip_s=clip.seconds,
                    dialect=voice.dialect,
                    failure="not begun",
                )
            )
            count.failed += 1
            continue
        count.active += 1
        one = await play(stage, turn, voice.dialect, cut=voice.cut)
        count.active -= 1
        count.finished += 1
        count.failed += one.failure is not None
        played.append(one)
    return played


async def _tell(count: _Count) -> None:
    while True:
        await asyncio.sleep(PROGRESS_S)
        _say(
            Said(
                progress=Progress(active=count.active, finished=count.finished, failed=count.failed)
            )
        )


async def _lag(lags: list[float]) -> None:
    """Note how late this loop runs what is due: results are seen as late as that."""
    while True:
        due = monotonic() + LAG_EVERY_S
        await asyncio.sleep(LAG_EVERY_S)
        lags.append(max(0.0, monotonic() - due))


def _samples(clip: SpokenClip) -> PcmAudio:
    """Read what is played of a clip."""
    audio = read_audio(clip.path)
    played = BYTES_PER_SAMPLE * round(clip.seconds * audio.sample_rate)
    return PcmAudio(data=audio.data[:played], sample_rate=audio.sample_rate)


async def _serve(generator: Generator) -> None:
    """Play levels as they are asked for, in one loop, and tell each as soon as it is known.

    A loop's end waits for whatever a connection has left behind; no result is to wait for that.
    """
    _say(Said(ready=True))
    while line := await asyncio.to_thread(sys.stdin.readline):
        _say(Said(done=await generator.level(Level.model_validate_json(line))))


def _say(said: Said) -> None:
    sys.stdout.write(said.model_dump_json() + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run as a process of its own, so that several share a machine's processors."""
    parser = argparse.ArgumentParser(prog="python -m ops.load.playing.worker", description=__doc__)
    parser.parse_args()
    first = sys.stdin.readline()
    if not first:
        parser.error("nothing came on standard input; `perch load` runs this")
    setup = Setup.model_validate_json(first)
    generator = Generator(setup, tuple(_samples(clip) for clip in setup.clips))
    # What is there now stays: collections would only look through it, and hold sessions up.
    gc.collect()
    gc.freeze()
    uvloop.run(_serve(generator))


if __name__ == "__main__":
    main()
