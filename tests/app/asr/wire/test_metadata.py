"""What a caller sends along with a session goes with each gRPC call that it is made of."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import grpc
from riva.client.proto import riva_asr_pb2

from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

if TYPE_CHECKING:
    from collections.abc import Iterable

ALONG = (("traceparent", "00-" + "4b" * 16 + "-" + "0f" * 8 + "-01"), ("tracestate", "vendor=1"))
NAMES = {name for name, _ in ALONG}


def recording() -> bytes:
    """Return half a second as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(tone(0.5))
    return file.getvalue()


def sent(metadata: Iterable[tuple[str, str | bytes]]) -> tuple[tuple[str, str | bytes], ...]:
    return tuple(pair for pair in metadata if pair[0] in NAMES)


async def test_the_first_call_and_the_one_after_a_break_carry_it() -> None:
    async def script(stream: Stream) -> None:
        await stream.receive()
        if len(riva.streams) == 1:
            await stream.fail(grpc.StatusCode.UNAVAILABLE, "gone")
        await stream.receive_all()
        await stream.say(final("hello", word("hello", 0, 90)))

    riva = FakeRiva(script=script)
    async with serving(riva), client_of(riva) as client:
        heard = [
            one.text async for one in client.stream_transcribe(of([tone(0.1)]), metadata=ALONG)
        ]
        assert heard == ["hello"]
        await client.models()
        assert [sent(stream.metadata) for stream in riva.streams] == [ALONG, ALONG]
        # A list of models is nobody's session.
        assert {sent(metadata) for metadata in riva.config_metadata} == {()}


async def test_a_recording_that_goes_in_one_call_carries_it() -> None:
    seen: list[Any] = []

    async def recognize(_: object, context: Any) -> Any:  # noqa: ANN401 - untyped
        seen.append([(str(key), value) for key, value in context.invocation_metadata()])
        return riva_asr_pb2.RecognizeResponse()

    models = {"whole": {"type": "offline", "language_code": "en-US"}}
    async with (
        serving(FakeRiva(models=models, recognize=recognize)) as riva,
        client_of(riva) as client,
    ):
        await client.transcribe_file(recording(), metadata=ALONG)
    assert [sent(metadata) for metadata in seen] == [ALONG]


async def test_a_recording_that_goes_by_a_stream_carries_it() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await client.transcribe_file(recording(), metadata=ALONG)
        assert [sent(stream.metadata) for stream in riva.streams] == [ALONG]
