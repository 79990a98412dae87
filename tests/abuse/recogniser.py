"""`python -m tests.abuse.recogniser`: a Riva server that obeys sounds.

Most streams hear a final a second, whatever is said. The first sample of a stream may be an order:
audio is all that uploads and live sessions have in common, and other streams of the same gateway
must be answered as ever meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import cache, partial
from typing import Any, Final

import grpc.aio

from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, interim, serving, word

WORDS: Final = 200_000
RESULTS: Final = 50_000
TEXT_BYTES: Final = 60_000_000
_EVERY_S: Final = 1.0
_SAID: Final = ("nothing", "in", "particular")
_APART: Final = 8
"""Between two orders: an upload's samples go through floats, and may come out one off."""

Results = Sequence[Any]
"""Of one message; the generated classes carry no types."""


class Order(IntEnum):
    """The first sample of a stream that is to be answered in another way."""

    LISTEN = 0
    TAKE_NOTHING = 31_000
    MANY_WORDS = 31_100
    MANY_RESULTS = 31_200
    RESULT_BY_RESULT = 31_300
    LONG_TEXT = 31_400
    NO_NUMBERS = 31_500

    @property
    def sound(self) -> bytes:
        """A tenth of a second at 16 kHz that begins with it."""
        return struct.pack("<h", self) + bytes(3198)


def ordered(audio: bytes) -> Order:
    """What the first sample of a stream asks for."""
    first = struct.unpack_from("<h", audio)[0] if len(audio) > 1 else 0
    return next((one for one in Order if abs(first - one) < _APART), Order.LISTEN)


@cache
def answers(order: Order) -> Sequence[Results]:
    """The messages that an order brings."""
    again = final("again and again", audio_processed=0.1)
    match order:
        case Order.MANY_WORDS:
            words = [word("word", n, n + 1) for n in range(WORDS)]
            return ([final("word " * WORDS, *words, audio_processed=0.1)],)
        case Order.MANY_RESULTS:
            return ([again] * RESULTS,)
        case Order.RESULT_BY_RESULT:
            return ([again],) * RESULTS
        case Order.LONG_TEXT:
            return ([final("a" * TEXT_BYTES, audio_processed=0.1)],)
        case Order.NO_NUMBERS:
            return tuple([result] for result in _no_numbers())
        case _:
            return ()


def _no_numbers() -> Iterable[Any]:
    for number in (math.nan, math.inf, -math.inf, 1e30, -1.0):
        yield interim("no", stability=number, audio_processed=number)
        said = word("number", 0, 100, confidence=number)
        yield final("no number", said, confidence=number, audio_processed=number)


async def obey(stream: Stream) -> None:
    """Serve one stream."""
    rate = int(stream.opening.streaming_config.config.sample_rate_hertz)
    heard, spoken = 0, 0
    # Not `receive`, which keeps what it hears: an hour is a hundred megabytes.
    while (request := await stream.context.read()) is not grpc.aio.EOF:
        order = Order.LISTEN if heard else ordered(request.audio_content)
        if order is Order.TAKE_NOTHING:
            await asyncio.Event().wait()
        for results in answers(order):
            await stream.say(*results)
        heard += len(request.audio_content)
        while (spoken + 1) * _EVERY_S <= heard / (2 * rate):
            await stream.say(_second(spoken))
            spoken += 1


def _second(number: int) -> Any:  # noqa: ANN401 - a generated message
    """The final of one second of audio."""
    since, length = round(1000 * number * _EVERY_S), round(1000 * _EVERY_S / len(_SAID))
    words = [
        word(text, since + n * length, since + (n + 1) * length) for n, text in enumerate(_SAID)
    ]
    return final(" ".join(_SAID), *words, audio_processed=(number + 1) * _EVERY_S)


def _open_streams(riva: FakeRiva) -> None:
    """Tell how many streams are open; it is asked for by a signal."""
    say("streams", open=sum(not stream.ended.is_set() for stream in riva.streams))


async def run(port: int) -> None:
    """Serve until killed."""
    for order in Order:
        answers(order)
    riva = FakeRiva(script=obey)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, partial(_open_streams, riva))
    async with serving(riva, at=f"127.0.0.1:{port}"):
        say("ready")
        await asyncio.Event().wait()


def say(event: str, **fields: object) -> None:
    """Tell whoever started it."""
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201


def main(arguments: list[str]) -> None:
    """Serve on one port."""
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.recogniser")
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(run(parser.parse_args(arguments).port))


if __name__ == "__main__":
    main(sys.argv[1:])
