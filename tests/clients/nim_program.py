"""What a program does with nvidia-riva-client's realtime class; runs where that is installed.

The steps are those of its own script: connect, send a file unpaced, read until the last result.
Writes one JSON object. Arguments: host and port, a token or "", then recordings.
"""

import asyncio
import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from riva.client.realtime import RealtimeClientASR

FRAMES = 1600
FINALS = ("Interim Transcript: ", "Final Transcript: ")
"""How the class logs what is completed; an interim is `Transcript: `."""


class Said(logging.Handler):
    """Collects what the class logs: it hands nothing else on."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a line."""
        self.lines.append(record.getMessage())


def pieces(recording: str) -> Iterator[bytes]:
    """Yield a file from its first byte on, as the script's iterator does."""
    with Path(recording).open("rb") as file:
        while piece := file.read(2 * FRAMES):
            yield piece


async def heard(server: str, token: str, recording: str, said: Said) -> dict[str, object]:
    """Have one recording transcribed."""
    said.lines.clear()
    unset = ("start_history", "start_threshold", "stop_history", "stop_threshold")
    asked = Namespace(
        server=server,
        endpoint="/v1/realtime",
        query_params="intent=transcription",
        use_ssl=False,
        ssl_root_cert=None,
        ssl_client_cert=None,
        ssl_client_key=None,
        mint_api_key=token,
        mic=False,
        language_code="en-US",
        model_name="",
        prompt="",
        sample_rate_hz=16_000,
        num_channels=1,
        max_alternatives=1,
        automatic_punctuation=True,
        word_time_offsets=True,
        profanity_filter=False,
        no_verbatim_transcripts=False,
        speaker_diarization=False,
        boosted_lm_words=None,
        custom_configuration="",
        **dict.fromkeys((*unset, "stop_history_eou", "stop_threshold_eou"), -1),
    )
    client = RealtimeClientASR(asked)
    await client.connect()
    try:
        await asyncio.gather(
            client.send_audio_chunks(pieces(recording)), client.receive_responses()
        )
    finally:
        await client.disconnect()
    finals = [
        line.removeprefix(start)
        for line in said.lines
        for start in FINALS
        if line.startswith(start)
    ]
    return {
        "finals": finals,
        "last": client.final_transcript,
        "interims": [line for line in said.lines if line.startswith("Transcript: ")],
        "completed": "Transcription completed" in said.lines,
        "errors": [line for line in said.lines if line.startswith("Error")],
    }


async def main(server: str, token: str, *recordings: str) -> dict[str, object]:
    """Have recordings transcribed, one after the other."""
    said = Said()
    logging.getLogger("riva.client.realtime").addHandler(said)
    return {Path(name).stem: await heard(server, token, name, said) for name in recordings}


if __name__ == "__main__":
    printed, sys.stdout = sys.stdout, sys.stderr  # the class prints its table of words
    printed.write(json.dumps(asyncio.run(main(*sys.argv[1:]))))
