"""`python -m tests.golden` writes the transcripts that the embedded engine makes of the fixtures.

Run it after a change of the engine or of the fixtures, read the differences, and commit them.
"""

import argparse
import asyncio
import json
from pathlib import Path

from app.emulator.engine.recogniser import WhisperRecogniser
from app.emulator.recognition import Hypothesis
from app.emulator.settings import EmulatorSettings
from tests.support.recognisers.speech import FIXTURES, GOLDEN, Golden, clips, hear


def _golden(clip_id: str, reference: str, finals: list[Hypothesis]) -> Golden:
    return Golden(
        id=clip_id,
        reference=reference,
        finals=tuple(final.text or "" for final in finals),
    )


async def _write(folder: Path) -> None:
    recogniser = WhisperRecogniser(EmulatorSettings())
    await recogniser.load()
    try:
        for clip in clips():
            finals = await hear(recogniser, FIXTURES / clip.file)
            golden = _golden(clip.id, clip.text, finals)
            path = folder / f"{clip.id}.json"
            path.write_text(json.dumps(golden.model_dump(), indent=2) + "\n", encoding="utf-8")
    finally:
        await recogniser.aclose()


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__).parse_args()
    asyncio.run(_write(GOLDEN))
