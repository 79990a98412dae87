"""Endpoints behind a name: addresses that come, go and come back, under running streams.

Real gRPC servers on several addresses of this machine; the resolver is the test's, since no real
one changes its mind when told to. That the system's is asked outside the event loop is asyncio's
doing; one test asks it for a name that every machine has.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from app.asr import AsrError, RivaASRClient, SettingsError
from app.asr.addresses import Address, parse_addresses
from app.asr.pool.discovery import MOST_ADDRESSES
from app.asr.pool.resolver import SystemResolver
from tests.app.asr.conftest import settings_for
from tests.app.asr.leftovers import tasks_of_client
from tests.app.asr.session.breaks.test_reopened_streams import ALL, CHUNKS, Reader, check, hear
from tests.app.asr.sound import Microphone, of
from tests.app.asr.wire.test_tls import ca_file, server_credentials
from tests.support.recognisers.fake_riva import FakeRiva, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from app.asr import Transcript

HOME, AWAY, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


class Answers:
    """A resolver that answers what it is told; nothing means that the name does not resolve."""

    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts
        self._asked = asyncio.Condition()
        self.lookups = 0

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        assert (host, port > 0) == ("riva.internal", True)
        async with self._asked:
            self.lookups += 1
            self._asked.notify_all()
        if not self._hosts:
            raise OSError("no such name")
        return self._hosts

    async def become(self, *hosts: str) -> None:
        """Answers so from now on; returns when that was asked for and taken up."""
        async with self._asked:
            self._hosts, seen = hosts, self.lookups
            # The second answer is asked for after the first one was dealt with.
            await asyncio.wait_for(
                self._asked.wait_for(lambda: self.lookups >= seen + 2), timeout=10
            )


@asynccontextmanager
async def at_each(
    *servers: FakeRiva, hosts: Sequence[str] = (HOME, AWAY, ELSEWHERE)
) -> AsyncIterator[int]:
    """The servers at one port of several addresses."""
    async with AsyncExitStack() as stack:
        port = 0
        for riva, host in zip(servers, hosts, strict=False):
            await stack.enter_async_context(serving(riva, at=f"{host}:{port}"))
            port = riva.port
        yield port


@asynccontextmanager
async def client_by_name(
    port: int,
    resolver: Answers,
    **changes: Any,  # noqa: ANN401 - any setting
) -> AsyncIterator[RivaASRClient]:
    values = {
        "endpoints": f"dns:riva.internal:{port}/0",
        "reopen_delay_ms": 1,
        "retry_delay_ms": 100,
        **changes,
    }
    often = {"dns_refresh_s": 0.05} if "dns_refresh_s" not in changes else {}
    settings = settings_for(FakeRiva(port=1), **values).model_copy(update=often)
    client = RivaASRClient(settings, resolver=resolver)
    try:
        yield client
    finally:
        await client.aclose()


def names(client: RivaASRClient) -> list[str]:
    return [endpoint.name for endpoint in client.endpoints()]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets names be looked up more often than any name is worth."""
    monkeypatch.setattr("app.asr.pool.discovery.LEAST_PAUSE_S", 0.01)


async def test_every_address_is_an_endpoint_and_the_name_is_looked_up_when_first_needed() -> None:
    servers = [FakeRiva(script=Reader()) for _ in range(3)]
    resolver = Answers(HOME, AWAY, ELSEWHERE)
    async with at_each(*servers) as port, client_by_name(port, resolver) as client:
        assert (names(client), resolver.lookups) == ([], 0)
        for _ in range(6):
            check(await hear(client))
        assert [len(riva.streams) for riva in servers] == [2, 2, 2]
        assert names(client) == ["riva-1-1", "riva-1-2", "riva-1-3"]
        assert "127.0.0" not in repr(client.endpoints())
    assert await tasks_of_client() == set()


async def test_names_and_single_endpoints_stand_beside_each_other() -> None:
    single, first, second = (FakeRiva(script=Reader()) for _ in range(3))
    async with (
        serving(single),
        at_each(first, second) as port,
        client_by_name(
            port,
            Answers(HOME, AWAY),
            endpoints=f"127.0.0.1:{single.port}/0,dns:riva.internal:{port}/0",
            endpoint_streams=10,
        ) as client,
    ):
        for _ in range(3):
            check(await hear(client))
        assert [len(riva.streams) for riva in (single, first, second)] == [1, 1, 1]
        assert names(client) == ["riva-1", "riva-2-1", "riva-2-2"]
        assert client.slots() == 30
        assert (await client.ready()).ready


def speak(microphones: Sequence[Microphone], chunks: Sequence[bytes]) -> None:
    for microphone in microphones:
        for chunk in chunks:
            microphone.speak(chunk)


async def test_streams_leave_an_address_that_is_gone_at_a_final_and_lose_no_word() -> None:
    old, new = FakeRiva(script=Reader()), FakeRiva(script=Reader())
    resolver = Answers(HOME)
    microphones = [Microphone() for _ in range(4)]
    heard: list[list[Transcript]] = [[] for _ in microphones]
    finals: asyncio.Queue[int] = asyncio.Queue()
    async with at_each(old, new) as port, client_by_name(port, resolver) as client:

        async def listen(number: int) -> None:
            async for transcript in client.stream_transcribe(microphones[number].listen()):
                heard[number].append(transcript)
                finals.put_nowait(number)

        listeners = [asyncio.create_task(listen(number)) for number in range(4)]
        half = len(CHUNKS) // 2
        speak(microphones, CHUNKS[:half])
        # A final that comes later than the address goes would move its stream at once.
        for _ in range(4 * len(ALL) // 2):
            await asyncio.wait_for(finals.get(), 20)
        await resolver.become(AWAY)
        assert names(client) == ["riva-1-2"]
        check(await hear(client))
        assert (len(old.streams), len(new.streams)) == (4, 1)
        word = half + len(CHUNKS) // len(ALL)
        speak(microphones, CHUNKS[half:word])
        # Had all been said before this final came back, the old address would have heard the end.
        for _ in microphones:
            await asyncio.wait_for(finals.get(), 20)
        speak(microphones, CHUNKS[word:])
        for microphone in microphones:
            microphone.stop()
        await asyncio.gather(*listeners)
        for transcripts in heard:
            check(transcripts)
        assert len(new.streams) == 5
        # Its connections are closed; the number is for whoever comes next.
        await resolver.become(AWAY, ELSEWHERE)
        assert names(client) == ["riva-1-2", "riva-1-1"]


async def test_an_address_that_comes_back_has_its_name_back() -> None:
    servers = [FakeRiva(script=Reader()) for _ in range(3)]
    resolver = Answers(HOME, AWAY, ELSEWHERE)
    async with at_each(*servers) as port, client_by_name(port, resolver) as client:
        check(await hear(client))
        await resolver.become(ELSEWHERE)
        assert names(client) == ["riva-1-3"]
        await resolver.become(HOME, AWAY, ELSEWHERE)
        assert sorted(names(client)) == ["riva-1-1", "riva-1-2", "riva-1-3"]
        for _ in range(3):
            check(await hear(client))
        assert all(riva.streams for riva in servers)


async def test_a_name_that_stops_to_resolve_keeps_the_addresses_it_had() -> None:
    riva = FakeRiva(script=Reader())
    resolver = Answers(HOME)
    async with at_each(riva) as port, client_by_name(port, resolver) as client:
        check(await hear(client))
        await resolver.become()
        check(await hear(client))
        assert names(client) == ["riva-1-1"]


async def test_a_name_that_never_resolved_is_an_error_that_passes_and_later_calls_work() -> None:
    riva = FakeRiva(script=Reader())
    resolver = Answers()
    async with at_each(riva) as port, client_by_name(port, resolver, max_retries=0) as client:
        with pytest.raises(AsrError) as caught:
            await hear(client)
        assert (caught.value.code, caught.value.retryable) == ("UNAVAILABLE", True)
        readiness = await client.ready()
        assert not readiness.ready
        assert readiness.reason is not None
        assert "riva.internal" not in readiness.reason
        assert client.slots() is None
        await resolver.become(HOME)
        check(await hear(client))


async def test_when_nobody_answers_the_name_is_looked_up_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A further attempt that came before the lookup was dealt with would ask for another one.
    monkeypatch.setattr("app.backoff.random.uniform", lambda _, most: most)
    riva = FakeRiva(script=Reader())
    async with at_each(FakeRiva(), riva) as port:
        resolver = Answers(ELSEWHERE)
        async with client_by_name(
            port, resolver, dns_refresh_s=3600, retry_delay_ms=1000
        ) as client:
            assert not (await client.ready()).ready
            resolver._hosts = (AWAY,)
            check(await hear(client))
            assert resolver.lookups == 2


async def test_a_stream_whose_only_recogniser_died_goes_on_at_the_names_new_address() -> None:
    resolver = Answers(HOME)
    old, new = FakeRiva(script=Reader(3)), FakeRiva(script=Reader())
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(AsyncExitStack())
        await running.enter_async_context(serving(old))
        await stack.enter_async_context(serving(new, at=f"{AWAY}:{old.port}"))
        client = await stack.enter_async_context(
            client_by_name(old.port, resolver, dns_refresh_s=3600)
        )
        microphone = Microphone()
        listener = asyncio.create_task(hear(client, microphone.listen()))
        microphone.speak(CHUNKS[0])
        await (await old.stream()).saw_audio(1)
        resolver._hosts = (AWAY,)
        await running.aclose()
        for chunk in CHUNKS[1:]:
            microphone.speak(chunk)
        microphone.stop()
        check(await asyncio.wait_for(listener, 20))
        assert len(new.streams) == 1


async def test_requests_and_certificates_go_by_the_name_and_not_by_the_address(
    tmp_path: Path,
) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("riva.internal").configure_cert(context)
    web = await asyncio.start_server(answer, HOME, 0, ssl=context)
    port = web.sockets[0].getsockname()[1]
    riva = FakeRiva(script=Reader())
    async with (
        web,
        serving(riva, credentials=server_credentials(authority, "riva.internal")),
        client_by_name(
            riva.port,
            Answers(HOME),
            endpoints=f"dns:riva.internal:{riva.port}/{port}",
            ssl=True,
            ssl_cert=ca_file(authority, tmp_path),
        ) as client,
    ):
        check(await hear(client))
        assert (await client.ready()).reason is None
    assert f"host: riva.internal:{port}".encode() in asked[0].lower()


async def test_a_client_that_is_closed_while_it_looks_up_ends_at_once_and_leaves_nothing() -> None:
    class Silent(Answers):
        async def addresses(self, host: str, port: int) -> Sequence[str]:
            looking.set()
            await asyncio.Event().wait()
            return await super().addresses(host, port)

    looking = asyncio.Event()
    async with client_by_name(1, Silent(), timeout_ms=60_000, max_retries=0) as client:
        listener = asyncio.create_task(hear(client, of([])))
        await asyncio.wait_for(looking.wait(), 20)
        await client.aclose()
        with pytest.raises(AsrError, match="CLIENT_CLOSED"):
            await asyncio.wait_for(listener, 20)
    assert await tasks_of_client() == set()


async def test_no_name_makes_more_endpoints_than_anybody_has_recognisers() -> None:
    resolver = Answers(*(f"127.1.0.{number}" for number in range(200)))
    async with client_by_name(1, resolver, max_retries=0) as client:
        with pytest.raises(AsrError):
            await hear(client)
        assert len(client.endpoints()) == MOST_ADDRESSES


async def test_the_systems_resolver_knows_this_machine_and_refuses_what_is_no_name() -> None:
    resolver = SystemResolver()
    assert set(await resolver.addresses("localhost", 50051)) & {"127.0.0.1", "::1"}
    for name in ("a" * 64 + ".example", "no-such-name.invalid"):
        with pytest.raises(OSError, match=r".+"):
            await resolver.addresses(name, 50051)


def test_an_entry_says_whether_it_is_one_recogniser_or_all_behind_a_name() -> None:
    assert parse_addresses("dns:riva.internal:50051/9000, dns:7, [::1]:50051/0") == (
        Address(host="riva.internal", port=50051, http_port=9000, is_group=True),
        Address(host="dns", port=7),
        Address(host="::1", port=50051, http_port=0),
    )
    for entry in ("dns:riva.internal", "dns:[::1]:50051", "srv:riva:50051", "dns:a:1,a:1"):
        with pytest.raises(SettingsError, match="RIVA_ENDPOINTS"):
            settings_for(FakeRiva(port=1), endpoints=entry)
