"""A recogniser that says too much, or nothing that can be read: its stream breaks, others go on.

Over real gRPC, with answers as they were tried on the product: 200,000 words, 50,000 results,
60 MB. How late a neighbour is then stands in `make abuse`; here is counted how often the event loop
gets its turn.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from riva.client.proto import riva_asr_pb2

from app.asr import AsrError, RivaASRClient, Transcript
from app.asr.wire.allowance import FINALS, RESULTS, WORDS
from app.asr.wire.answers import MODELS_BYTES, STREAM_BYTES
from app.asr.wire.grpc_transport import read_answer
from tests.app.asr.conftest import client_of
from tests.app.asr.session.breaks.test_reopened_streams import client_of_all
from tests.app.asr.sound import of, tone, wav
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, interim, serving, word

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Response = riva_asr_pb2.StreamingRecognizeResponse
AUDIO = [tone(0.1)] * 10
SENDS_ANYTHING = (("grpc.max_send_message_length", -1),)


async def read(raw: bytes, most_parts: int = 50) -> Any:  # noqa: ANN401 - a generated message
    return await read_answer(raw, Response.FromString, most_bytes=100_000, most_parts=most_parts)


def many_words(count: int) -> bytes:
    """As small as words can be: two bytes each."""
    words = b"\x1a\x00" * count
    inner = b"\x0a" + varint(len(words)) + words
    result: bytes = b"\x0a" + varint(len(inner)) + inner
    return result


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@example(raw=many_words(10_000))
@example(raw=b"\x0a" * 20_000)
@example(raw=many_words(10_000)[:-1])
@example(raw=b"\xff" * 20_000)
@given(raw=st.binary(max_size=200).flatmap(lambda part: st.sampled_from([part, part * 400])))
async def test_whatever_comes_is_a_message_or_an_error_of_the_recogniser(raw: bytes) -> None:
    try:
        message, error = await read(raw), None
    except AsrError as refused:
        message, error = None, refused
    if error is None:
        assert message == Response.FromString(raw)
    else:
        assert error.code in {"ANSWER_TOO_LARGE", "ANSWER_INVALID"}
        assert (error.retryable, error.fault) == (True, "service")


@given(
    results=st.lists(st.integers(0, 40), max_size=30),
    languages=st.integers(0, 20),
    most=st.integers(1, 200),
)
async def test_parts_are_counted_as_protobuf_would_make_them(
    results: list[int], languages: int, most: int
) -> None:
    said = [final("a", *[word("w", 0, 1)] * count, audio_processed=1.0) for count in results]
    for result in said:
        result.alternatives[0].language_code.extend(["en-US"] * languages)
    # What is small is not counted: padding that protobuf passes over makes it large.
    raw = Response(results=said).SerializeToString() + b"\x7a" + varint(20_000) + bytes(20_000)
    # Of each result its alternative, is_final and audio_processed; the text; the padding.
    parts = 1 + sum(1 + 3 + 1 + count + languages for count in results)
    if parts <= most:
        assert len((await read(raw, most)).results) == len(results)
    else:
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await read(raw, most)


async def test_reading_a_large_answer_gives_everybody_else_a_turn() -> None:
    turns = 0

    async def neighbour() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(neighbour())
    try:
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await read(many_words(40_000), 20_000)
    finally:
        task.cancel()
    assert turns >= 30


def raw_server(answer: bytes) -> grpc.GenericRpcHandler:
    """Answers a stream's first audio, and each file and list of models, with those bytes."""

    async def stream(_: object, context: Any) -> None:  # noqa: ANN401 - untyped
        await context.read()
        await context.read()
        await context.write(answer)
        await context.read()

    async def once(_: object, __: object) -> bytes:
        return answer

    return grpc.method_handlers_generic_handler(
        "nvidia.riva.asr.RivaSpeechRecognition",
        {
            "StreamingRecognize": grpc.stream_stream_rpc_method_handler(stream),
            "Recognize": grpc.unary_unary_rpc_method_handler(once),
            "GetRivaSpeechRecognitionConfig": grpc.unary_unary_rpc_method_handler(once),
        },
    )


async def words_of(client: RivaASRClient) -> list[str]:
    stream = client.stream_transcribe(of(AUDIO))
    return [t.text async for t in stream if t.is_final]


async def test_bytes_that_are_no_message_are_an_error_of_the_recogniser() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((raw_server(b"\x0a\x05ab"),))
    riva = FakeRiva(port=server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    try:
        async with client_of(riva, max_retries=0, outage_limit_s=0) as client:
            with pytest.raises(AsrError, match="ANSWER_INVALID"):
                await words_of(client)
            with pytest.raises(AsrError, match="ANSWER_INVALID"):
                await client.models()
    finally:
        await server.stop(None)
    with pytest.raises(DecodeError):
        Response.FromString(b"\x0a\x05ab")


def says(*messages: list[Any]) -> Callable[[Stream], Awaitable[None]]:
    async def script(stream: Stream) -> None:
        await stream.receive()
        for results in messages:
            await stream.say(*results)
        await stream.receive_all()

    return script


TOO_MUCH: dict[str, list[list[Any]]] = {
    "a message of 60 MB": [[final("a" * 60_000_000)]],
    "words in one message": [[final("a", *[word("w", 0, 1)] * 200_000)]],
    "results in one message": [[final("a")] * 50_000],
    "words of a final": [[final("a", *[word("w", 0, 1)] * (WORDS.base + 100))]],
    "characters": [[final("a" * 300_000)]],
    "characters of an interim": [[interim("a" * 300_000)]],
    "results": [[interim("a")] * 300] * (RESULTS.base // 300 + 2),
}


@pytest.mark.parametrize("messages", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_a_recogniser_that_says_too_much_is_left_and_the_words_come_from_another(
    messages: list[list[Any]],
) -> None:
    async with (
        serving(FakeRiva(script=says(*messages)), options=SENDS_ANYTHING) as broken,
        serving(FakeRiva(script=says([final("hello", word("hello", 0, 900))]))) as well,
        client_of_all(broken, well) as client,
    ):
        heard = await words_of(client)
        first = client.endpoints()[0]
    assert heard[-1:] == ["hello"]
    assert len(broken.streams) == len(well.streams) == 1
    assert first.consecutive_errors == 1


@pytest.mark.parametrize(
    ("messages", "most"),
    [
        ([[final("a", audio_processed=0.01)] * 100] * 12, FINALS.within(1.0)),
        ([[final("a", *[word("w", 0, 1)] * 500)]] * 6, WORDS.within(1.0) // 500),
    ],
    ids=["finals", "words"],
)
async def test_what_is_too_much_in_all_its_parts_is_heard_as_far_as_it_may_be(
    messages: list[list[Any]], most: int
) -> None:
    heard: list[Transcript] = []

    async def listen(client: RivaASRClient) -> None:
        async for transcript in client.stream_transcribe(of(AUDIO)):
            heard.append(transcript)  # noqa: PERF401 - kept although the stream ends in an error

    async with (
        serving(FakeRiva(script=says(*messages))) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await listen(client)
    assert 0 < len(heard) <= most


async def test_one_that_keeps_saying_too_much_ends_the_session_by_name_and_is_ejected() -> None:
    async with (
        serving(FakeRiva(script=says([final("a" * 300_000)]))) as one,
        serving(FakeRiva(script=says([final("a" * 300_000)]))) as two,
        client_of_all(one, two) as client,
    ):
        for _ in range(4):
            with pytest.raises(AsrError, match="ANSWER_TOO_LARGE") as caught:
                await words_of(client)
            assert "a" * 100 not in caught.value.detail
        health = client.endpoints()
    # Five errors in a row eject one of them; the last one is never ejected.
    assert sorted(endpoint.ejections for endpoint in health) == [0, 1]


async def test_a_session_that_is_reopened_has_no_new_allowance() -> None:
    async def script(stream: Stream) -> None:
        # Each stream makes a little progress, and says very much more.
        while await stream.receive() is not None:
            await stream.say(*[final("a", audio_processed=0.1)] * 100)

    heard: list[Transcript] = []

    async def listen(client: RivaASRClient) -> None:
        async for transcript in client.stream_transcribe(of([tone(0.1)] * 100)):
            heard.append(transcript)  # noqa: PERF401 - kept although the stream ends in an error

    async with (
        serving(FakeRiva(script=script)) as riva,
        client_of(riva, reopen_delay_ms=1, chunk_size_bytes=3200) as client,
    ):
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await listen(client)
        assert len(riva.streams) >= 3
    assert FINALS.base <= len(heard) <= FINALS.within(10.0)


async def test_what_a_fast_speaker_says_in_an_hour_is_within_the_bounds() -> None:
    words = [word("word", n * 90, n * 90 + 90) for n in range(11 * 1800)]
    hour = final(" ".join(["word"] * len(words)), *words)
    message = Response(results=[hour]).SerializeToString()
    assert len(message) < STREAM_BYTES
    read_back = await read_answer(
        message, Response.FromString, most_bytes=STREAM_BYTES, most_parts=20_000
    )
    assert len(read_back.results[0].alternatives[0].words) == len(words)
    assert len(words) <= WORDS.within(3600)


async def test_a_file_with_too_long_an_answer_and_a_list_of_too_many_models_are_refused() -> None:
    async def recognize(_: object, __: object) -> Any:  # noqa: ANN401 - untyped
        return riva_asr_pb2.RecognizeResponse(
            results=[{"alternatives": [{"transcript": "a " * 200_000}]}]
        )

    riva = FakeRiva(recognize=recognize, models={"offline": {"type": "offline"}})
    async with serving(riva, options=SENDS_ANYTHING) as server, client_of(server) as client:
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await client.transcribe_file(wav(tone(0.5)))
    riva.models = {"m" * 200 + str(n): {"type": "online"} for n in range(MODELS_BYTES // 200)}
    async with serving(riva) as server, client_of(server, max_retries=0) as client:
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await client.models()


async def test_a_neighbour_on_the_same_connection_hears_every_word() -> None:
    async def script(stream: Stream) -> None:
        if len(riva.streams) > 1:
            await says([final("a", *[word("w", 0, 1)] * 200_000)])(stream)
            return
        for second in range(5):
            await stream.receive()
            begin = second * 100
            await stream.say(final(f"w{second}", word(f"w{second}", begin, begin + 100)))
        await stream.receive_all()

    async with (
        serving(FakeRiva(script=script), options=SENDS_ANYTHING) as riva,
        client_of(riva, reopen_delay_ms=1) as client,
    ):
        neighbour = client.stream_transcribe(of(AUDIO))
        heard: list[Transcript] = [await anext(neighbour)]
        with pytest.raises(AsrError, match="ANSWER_TOO_LARGE"):
            await words_of(client)
        heard += [transcript async for transcript in neighbour]
    assert [transcript.text for transcript in heard] == [f"w{n}" for n in range(5)]
