"""What an application does with OpenAI's SDK; runs where that is installed, and ours is not.

Writes one JSON object. Arguments: a task, then recordings.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai

MODEL = "whisper-1"


def every_format(recording: str) -> dict[str, object]:
    """Have one recording transcribed in every way there is, by the objects of the SDK."""
    client = openai.OpenAI()
    create = client.audio.transcriptions.create

    def heard(**options: Any) -> Any:  # noqa: ANN401 - the SDK's own types are not installed here
        with Path(recording).open("rb") as file:
            return create(file=file, model=MODEL, **options)

    verbose = heard(
        response_format="verbose_json", timestamp_granularities=["word", "segment"], language="en"
    )
    events = list(heard(stream=True, language="en_US"))
    page = client.models.list()
    return {
        "json": heard().text,
        "usage": heard(response_format="json", prompt="no matter", temperature=0).usage.to_dict(),
        "text": heard(response_format="text"),
        "srt": heard(response_format="srt"),
        "vtt": heard(response_format="vtt"),
        "verbose": verbose.to_dict(),
        "verbose_text": verbose.text,
        "segments": [[one.start, one.end, one.text] for one in verbose.segments],
        "words": [[one.start, one.end, one.word] for one in verbose.words],
        "events": [[type(one).__name__, getattr(one, "delta", None)] for one in events],
        "done": events[-1].text,
        "models": [one.id for one in page],
        "model": client.models.retrieve(page.data[0].id).id,
        "version": openai.__version__,
    }


def texts(*recordings: str) -> dict[str, str]:
    """Have each recording transcribed."""
    client = openai.OpenAI()
    found = {}
    for recording in recordings:
        with Path(recording).open("rb") as file:
            found[Path(recording).stem] = client.audio.transcriptions.create(
                file=file, model="gpt-4o-transcribe", response_format="text"
            ).removesuffix("\n")
    return found


async def at_once(*recordings: str) -> dict[str, str]:
    """Have all recordings transcribed at the same time, as events."""
    client = openai.AsyncOpenAI()

    async def one(recording: Path) -> tuple[str, str]:
        deltas = []
        async for event in await client.audio.transcriptions.create(
            file=recording, model="gpt-transcribe", stream=True
        ):
            if event.type == "transcript.text.delta":
                deltas.append(event.delta)
            else:
                assert event.text == "".join(deltas)
        return recording.stem, "".join(deltas)

    return dict(await asyncio.gather(*(one(Path(name)) for name in recordings)))


def errors(recording: str) -> dict[str, object]:
    """Do what goes wrong, and tell what the SDK raises."""
    client = openai.OpenAI()
    found: dict[str, object] = {}

    def fails(name: str, by: openai.OpenAI = client, **options: Any) -> None:  # noqa: ANN401
        given = {"file": Path(recording), "model": MODEL, **options}
        try:
            by.audio.transcriptions.create(**given)
        except openai.APIStatusError as error:
            found[name] = [type(error).__name__, error.code, error.param, str(error.message)]

    fails("format", response_format="diarized_json")
    fails("model", model="universal-2")
    fails("language", language="tlh")
    fails("audio", file=("letter.wav", b"this is a letter" * 100))
    fails("key", openai.OpenAI(api_key="wrong"))  # pragma: allowlist secret
    try:
        client.audio.translations.create(file=Path(recording), model=MODEL)
    except openai.BadRequestError as error:
        found["translation"] = str(error.message)
    return found


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    tasks: dict[str, Callable[..., object]] = {
        "every_format": every_format,
        "texts": texts,
        "at_once": lambda *recordings: asyncio.run(at_once(*recordings)),
        "errors": errors,
    }
    sys.stdout.write(json.dumps(tasks[task](*rest)))
