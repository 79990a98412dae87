"""Calls to a recogniser that is silent: each ends by itself, and none makes others wait behind it.

The servers here accept connections or calls and say nothing. No test measures how long anything
took: what does not end would hang, and what waits in line would be asked in vain more than once.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from riva.client.proto import riva_asr_pb2

from app.asr import AsrError, RivaASRClient, SessionOptions
from tests.app.asr.conftest import client_of, settings_for
from tests.app.asr.leftovers import tasks_of_client
from tests.app.asr.session.breaks.test_reopened_streams import Reader, check, client_of_all, hear
from tests.app.asr.sound import of, tone, wav
from tests.support.recognisers.fake_riva import FakeRiva, Stream, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import RecognitionSession


class Silent(FakeRiva):
    """Takes the question what it serves, and never answers."""

    async def GetRivaSpeechRecognitionConfig(  # noqa: N802 - Riva's name
        self,
        _: object,
        __: Any,  # noqa: ANN401 - generated
    ) -> None:
        self.config_calls += 1
        await asyncio.Event().wait()


@asynccontextmanager
async def black_hole() -> AsyncIterator[FakeRiva]:
    """A port that accepts connections on which nothing ever happens."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        yield FakeRiva(port=server.sockets[0].getsockname()[1])


async def test_many_who_ask_a_silent_server_wait_once_and_not_one_after_the_other() -> None:
    async with (
        serving(Silent()) as riva,
        client_of(riva, model="parakeet", timeout_ms=200) as client,
    ):
        answers = await asyncio.gather(*(hear(client) for _ in range(20)), return_exceptions=True)
        assert {getattr(answer, "code", None) for answer in answers} == {"DEADLINE_EXCEEDED"}
        assert riva.config_calls <= 2


async def test_every_call_to_a_port_that_only_accepts_ends_in_its_deadline() -> None:
    async with black_hole() as riva, client_of(riva, timeout_ms=150, file_timeout_ms=150) as client:
        for call in (hear(client), client.models(), client.transcribe_file(wav(tone(1.0)))):
            with pytest.raises(AsrError) as caught:
                await asyncio.wait_for(call, 20)
            assert caught.value.code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
        readiness = await asyncio.wait_for(client.ready(), 20)
        assert not readiness.ready
        assert await tasks_of_client() == set()


async def test_a_silent_endpoint_costs_a_stream_one_deadline_and_no_word() -> None:
    async with (
        black_hole() as hole,
        serving(FakeRiva(script=Reader())) as riva,
        client_of_all(hole, riva, timeout_ms=150) as client,
    ):
        check(await asyncio.wait_for(hear(client), 20))


async def test_a_connection_that_cannot_be_made_ready_does_not_hold_a_short_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    # As a certificate on a file system that hangs.
    monkeypatch.setattr("app.asr.wire.channels.ChannelPool._open", stuck)
    async with client_of(FakeRiva(port=1), timeout_ms=100) as client:
        with pytest.raises(AsrError, match="DEADLINE_EXCEEDED"):
            await asyncio.wait_for(client.models(), 20)
        with pytest.raises(AsrError, match="STREAM_LIMIT"):
            await asyncio.wait_for(hear(client, of([tone(0.1)])), 20)


async def test_calls_under_way_when_the_client_is_closed_end_with_an_error() -> None:
    async with serving(Silent()) as riva, client_of(riva) as client:
        asking = [asyncio.create_task(call) for call in (client.models(), client.models())]
        probing = asyncio.create_task(client.ready())
        while riva.config_calls < 3:  # noqa: ASYNC110 - the server counts and tells nobody
            await asyncio.sleep(0.01)
        await client.aclose()
        for task in asking:
            with pytest.raises(AsrError, match="CLIENT_CLOSED"):
                await asyncio.wait_for(task, 20)
        assert not (await asyncio.wait_for(probing, 20)).ready


class Asked(FakeRiva):
    """Notes how many seconds each call has left when it comes; None for one without an end."""

    def __init__(self) -> None:
        super().__init__(script=self._stream, recognize=self._file)
        self.models["parakeet-offline"] = {"type": "offline", "language_code": "en-US"}
        self.left: dict[str, float | None] = {}

    async def _stream(self, stream: Stream) -> None:
        self.left["stream"] = stream.context.time_remaining()
        await stream.receive_all()

    async def _file(self, _: object, context: Any) -> Any:  # noqa: ANN401 - generated
        self.left["file"] = context.time_remaining()
        return riva_asr_pb2.RecognizeResponse()

    async def GetRivaSpeechRecognitionConfig(  # noqa: N802 - Riva's name
        self,
        request: object,
        context: Any,  # noqa: ANN401 - generated
    ) -> Any:  # noqa: ANN401 - generated
        self.left["models"] = context.time_remaining()
        return await super().GetRivaSpeechRecognitionConfig(request, context)


async def test_a_recogniser_is_told_when_a_short_call_is_given_up_and_a_stream_has_no_end() -> None:
    """So that it works for nobody who has gone. gRPC rounds by less than a second."""
    async with (
        serving(Asked()) as riva,
        client_of(riva, timeout_ms=60_000, file_timeout_ms=600_000) as client,
    ):
        await client.models()
        assert 0 < (riva.left["models"] or 0) <= 61
        riva.left.clear()
        assert (await client.ready()).ready
        assert 0 < (riva.left["models"] or 0) <= 61
        await client.transcribe_file(wav(tone(0.1)))
        assert 61 < (riva.left["file"] or 0) <= 601
        await hear(client, of([tone(0.1)]))
        assert riva.left["stream"] is None


async def send_for_ever(session: RecognitionSession) -> None:
    while True:
        assert await session.send(bytes(32_000))


async def test_a_session_waits_for_a_deaf_recogniser_as_long_as_its_caller_says() -> None:
    """Without an end of its own a `send` would hang here."""

    async def deaf(_: Stream) -> None:
        await asyncio.Event().wait()

    async with (
        serving(FakeRiva(script=deaf)) as riva,
        client_of(riva) as client,
        client.session(SessionOptions(), unsent_s=0.1, send_timeout=0.05) as session,
        asyncio.timeout(20),
    ):
        reading = asyncio.ensure_future(anext(session))
        with pytest.raises(TimeoutError):
            await send_for_ever(session)
        # It takes no more than its caller wants to have waiting, beside what is on the way.
        assert session.unsent <= 0.1 + 2 * 1.0
        reading.cancel()
        await asyncio.wait([reading])


async def test_a_close_that_hangs_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("app.asr.wire.grpc_transport.GrpcTransport.aclose", stuck)
    monkeypatch.setattr("app.asr.pool.discovery._STOPPING_S", 0.05)
    async with serving(FakeRiva()) as riva:
        client = RivaASRClient(settings_for(riva))
        await asyncio.wait_for(client.aclose(), 20)
    assert await tasks_of_client() == set()
