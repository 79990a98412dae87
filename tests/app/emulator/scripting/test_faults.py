"""Scripted faults over real gRPC."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import pytest

from app.emulator import Emulator, EmulatorSettings, Script, serve
from app.emulator.scripting.faults import cut_connection
from tests.app.emulator.riva_calls import Message, audio, first, refusal, stream, stub, transcripts

RESULTS = [
    {"at": 0.1, "text": "one", "is_final": True},
    {"at": 0.2, "text": "two", "is_final": True},
    {"at": 0.3, "text": "thr"},
    {"at": 0.4, "text": "three", "is_final": True},
]


@contextlib.asynccontextmanager
async def scripted(*streams: dict[str, object], **rest: object) -> AsyncIterator[Emulator]:
    plan = Script.model_validate(
        {"streams": [{"results": RESULTS, **stream} for stream in streams], **rest}
    )
    async with serve(EmulatorSettings(engine="none"), script=plan) as emulator:
        yield emulator


async def until_failure(
    emulator: Emulator, *messages: Message
) -> tuple[list[str], grpc.StatusCode, str]:
    async def requests() -> AsyncIterator[Message]:
        for message in messages:
            yield message
        await asyncio.Event().wait()

    heard: list[str] = []
    async with stub(emulator) as riva:
        call = riva.StreamingRecognize(requests())
        try:
            async for response in call:
                heard += transcripts(list(response.results), final=True)
        except grpc.aio.AioRpcError as error:
            return heard, error.code(), error.details() or ""
    raise AssertionError("the stream ended well")


@pytest.mark.parametrize(
    ("status", "message"),
    [("UNKNOWN", "TRTIS response timeout"), ("UNAVAILABLE", "Socket closed"), ("ABORTED", "")],
)
async def test_a_stream_fails_with_the_given_status_after_the_given_results(
    status: str, message: str
) -> None:
    fault = {"do": "fail", "status": status, "message": message, "after": {"results": 2}}
    async with scripted({"fault": fault}) as emulator:
        heard, code, text = await until_failure(emulator, first(), audio(1))
    assert heard == ["one", "two"]
    assert (code.name, text) == (status, message)


@pytest.mark.parametrize(
    ("after", "chunks"), [({}, 0), ({"seconds": 0.02}, 0), ({"audio_seconds": 0.5}, 5)]
)
async def test_a_fault_strikes_at_once_after_a_time_or_with_the_audio(
    after: dict[str, float], chunks: int
) -> None:
    fault = {"do": "fail", "status": "INTERNAL", "message": "scripted", "after": after}
    async with scripted({"fault": fault, "results": []}) as emulator:
        _, code, _ = await until_failure(emulator, first(), *[audio()] * chunks)
        assert code is grpc.StatusCode.INTERNAL


async def test_a_fault_that_waits_for_audio_spares_a_stream_with_less() -> None:
    fault = {"do": "fail", "status": "INTERNAL", "message": "", "after": {"audio_seconds": 60}}
    async with scripted({"fault": fault}) as emulator:
        await stream(emulator, first(), audio(1))


async def test_each_stream_has_its_own_script_in_turn() -> None:
    fault = {"do": "fail", "status": "UNAVAILABLE", "message": "gone"}
    async with scripted({"fault": fault}, {}) as emulator:
        assert (await refusal(emulator, first()))[0] == "UNAVAILABLE"
        assert transcripts(await stream(emulator, first(), audio(1)), final=True)
        assert (await refusal(emulator, first()))[0] == "UNAVAILABLE"


async def test_a_killed_connection_breaks_every_call_on_it_and_spares_the_others() -> None:
    fault = {"do": "kill", "what": "connection", "after": {"results": 1}}
    async with scripted({}, {"fault": fault}, then="listen") as emulator:

        async def requests(count: int) -> AsyncIterator[Message]:
            yield first()
            for _ in range(count):
                yield audio(0.1)
            await asyncio.Event().wait()

        options = [("grpc.use_local_subchannel_pool", 1)]
        async with (
            grpc.aio.insecure_channel(emulator.grpc_target, options=options) as apart,
            stub(emulator) as riva,
        ):
            other: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = apart.stream_stream(
                "/nvidia.riva.asr.RivaSpeechRecognition/StreamingRecognize"
            )
            bystander = other(serialised(requests(1)))
            assert await bystander.read() is not grpc.aio.EOF
            broken = riva.StreamingRecognize(requests(1))
            with pytest.raises(grpc.aio.AioRpcError) as error:
                _ = [response async for response in broken]
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
            assert not bystander.done()
            bystander.cancel()
        await emulator.wait_for_stream(lambda stream: stream.status == "CANCELLED", sequence=2)


async def serialised(messages: AsyncIterator[Message]) -> AsyncIterator[bytes]:
    async for message in messages:
        yield message.SerializeToString()


def test_a_peer_that_is_not_connected_cannot_be_cut() -> None:
    with pytest.raises(LookupError, match="no connection to ipv4:127"):
        cut_connection("ipv4:127.0.0.1:1")


async def test_a_stalled_stream_says_nothing_until_the_client_gives_up() -> None:
    async with scripted({"fault": {"do": "stall", "after": {"results": 1}}}) as emulator:
        async with stub(emulator) as riva:
            call = riva.StreamingRecognize()
            await call.write(first())
            await call.write(audio(1))
            assert (await call.read()).results[0].alternatives[0].transcript == "one"
            silent = asyncio.ensure_future(call.read())
            await emulator.wait_for_stream(lambda stream: stream.messages == 1)
            await call.write(audio(1))
            await emulator.wait_for_stream(lambda stream: stream.messages == 2)
            assert not silent.done()
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await silent
        await emulator.wait_for_stream(lambda stream: stream.status == "CANCELLED")


async def test_a_stall_that_passes_delivers_everything_afterwards() -> None:
    fault = {"do": "stall", "seconds": 0.05, "after": {"results": 1}, "stop_reading": True}
    async with scripted({"fault": fault}) as emulator:
        results = await stream(emulator, first(), *[audio()] * 5)
    assert transcripts(results, final=True) == ["one", "two", "three"]


async def test_a_stall_that_stops_reading_takes_no_more_audio() -> None:
    fault = {"do": "stall", "stop_reading": True, "after": {"audio_seconds": 0.1}}
    async with scripted({"fault": fault, "results": []}) as emulator, stub(emulator) as riva:
        call = riva.StreamingRecognize()
        await call.write(first())
        await call.write(audio(0.2))
        await emulator.wait_for_stream(lambda stream: stream.messages == 1)

        async def go_on() -> None:
            for _ in range(256):  # 80 MB, far more than windows grow to
                await call.write(audio(10))

        writing = asyncio.create_task(go_on())
        await asyncio.wait({writing}, timeout=0.3)
        # One read may have begun before the stall; the rest fills gRPC's windows and then waits.
        assert emulator.streams[0].messages <= 2
        assert not writing.done()
        call.cancel()
        await asyncio.gather(writing, return_exceptions=True)


@pytest.mark.parametrize(
    ("finals", "interims", "closing"),
    [
        ("at_half_close", ["one", "one two", "one two thr", "one two three"], ["one two three"]),
        ("never", ["one", "one two", "one two thr", "one two three"], []),
    ],
)
async def test_finals_can_stay_out_while_interims_grow(
    finals: str, interims: list[str], closing: list[str]
) -> None:
    async with scripted({"finals": finals}) as emulator:
        results = await stream(emulator, first(), *[audio()] * 5)
    assert transcripts(results, final=False) == interims
    assert transcripts(results, final=True) == closing


async def test_a_result_without_alternatives_can_be_sent() -> None:
    async with scripted({"results": [{"text": None}, {"text": "", "is_final": True}]}) as emulator:
        empty, blank = await stream(emulator, first(), audio())
    assert len(empty.alternatives) == 0
    assert [alternative.transcript for alternative in blank.alternatives] == [""]


async def test_results_can_repeat_for_as_long_as_audio_comes() -> None:
    script = {"results": [{"at": 0.5, "text": "again", "is_final": True}], "repeat_every": 1}
    async with scripted(script) as emulator:
        results = await stream(emulator, first(), *[audio(1)] * 5)
    assert [result.audio_processed for result in results] == [0.5, 1.5, 2.5, 3.5, 4.5]


async def test_a_delay_holds_every_result_back() -> None:
    async with scripted({"result_delay": 0.05}) as emulator:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        results = await stream(emulator, first(interim_results=False), audio(1))
    assert len(results) == 3
    assert loop.time() - begun >= 0.15


async def test_a_script_can_make_a_ready_server_load_again() -> None:
    async with scripted({}) as emulator:
        before = emulator.ready
        emulator.set_script(Script(loading_seconds=0.05))
        assert (before, emulator.ready) == (True, False)
        assert (await refusal(emulator, first()))[0] == "UNAVAILABLE"
        await emulator.wait_ready()
        await stream(emulator, first())


async def test_an_embedded_emulator_refuses_to_kill_its_process() -> None:
    plan = Script.model_validate({"streams": [{"fault": {"do": "kill", "what": "process"}}]})
    async with scripted({}) as emulator:
        with pytest.raises(ValueError, match="refused by an embedded emulator"):
            emulator.set_script(plan)
