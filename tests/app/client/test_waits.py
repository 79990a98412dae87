"""How long a client waits for what, unless it is told otherwise, and what puts that off."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from app.client import Deadlines
from app.client.connection.address import Address
from app.client.connection.inbox import Inbox
from app.client.connection.progress import ExtendableDeadlines, Progress, while_queued
from app.client.errors import ClientError, ConnectionLostError, GatewayError
from app.client.resume import DEFAULT_KEEP_S
from app.client.resume.policy import ReconnectRules
from app.contract import ErrorCode
from app.contract.dialect_a import Pong, SessionStopped, WarningA
from app.contract.fields import Finalized, Queued
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import NOW, Peer, scripted

if TYPE_CHECKING:
    from app.contract import ServerMessageA


def test_the_waits_are_those_that_are_documented() -> None:
    assert asdict(Deadlines()) == {
        "open": 10.0,
        "start": 15.0,
        "send": 30.0,
        "finish": 30.0,
        "reconnect": 60.0,
        "answer": 10.0,
        "close": 5.0,
        "event": None,
        "silent": 20.0,
    }
    assert asdict(ReconnectRules()) == {
        "first_s": 0.5,
        "longest_s": 10.0,
        "quick_s": 5.0,
        "quick_failures": 5,
    }
    assert DEFAULT_KEEP_S == 120.0


@pytest.mark.parametrize("field", asdict(Deadlines()))
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_a_wait_is_a_number_of_seconds_above_zero(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is {value}; accepted: a number of seconds"):
        Deadlines(**{field: value})


def test_a_heartbeat_puts_a_deadline_off_where_more_was_received_or_recognised() -> None:
    progress = Progress(30)
    beats = [(1, 0), (1, 0), (2, 0), (2, 1), (2, 1), (2, 0.5), (2, 1)]
    assert [progress(play.heartbeat(received=had, recognised=done)) for had, done in beats] == [
        *(30, None, 30, 30, None, None, 30)
    ]


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        (play.interim(0, "a"), 30),
        (play.final(0, "a"), 30),
        (play.started(), 30),
        (Finalized(timestamp=NOW, position=1.0), 30),
        (WarningA(timestamp=NOW, warning="x", code="idle"), 30),
        (Pong(timestamp=NOW), None),
        (Queued(timestamp=NOW, place=1, seconds_left=5), None),
    ],
)
def test_results_and_warnings_put_a_deadline_off_and_other_answers_do_not(
    message: ServerMessageA, seconds: float | None
) -> None:
    assert Progress(30)(message) == seconds


def test_a_place_in_the_waiting_room_puts_a_start_off_by_the_wait_and_its_own_time() -> None:
    extension = while_queued(15)
    assert extension(Queued(timestamp=NOW, place=1, seconds_left=40)) == 55
    assert extension(play.interim(0, "a")) is None


async def test_a_deadline_is_put_off_from_now_and_only_while_somebody_waits() -> None:
    limits = ExtendableDeadlines()

    async def outlived(extension: float | None) -> None:
        async with limits.within(0.05, lambda _: extension):
            limits.received(play.interim(0, "a"))
            await asyncio.sleep(0.1)

    await outlived(60.0)
    with pytest.raises(TimeoutError):
        await outlived(None)
    # Nobody waits any more.
    limits.received(play.interim(0, "a"))


async def quiet(peer: Peer) -> None:
    await peer.say(play.hello())
    await peer.hear("never")


async def test_a_socket_is_opened_with_the_waits_of_the_client_and_without_compression() -> None:
    async with scripted(quiet) as gateway:
        socket = await Address.checked(gateway.url).dial(Deadlines(silent=8, close=3))
        assert (socket.ping_interval, socket.ping_timeout, socket.close_timeout) == (4, 4, 3)
        assert "Sec-WebSocket-Extensions" not in (socket.request or socket).headers  # type: ignore[union-attr]
        await socket.close()


@pytest.mark.parametrize(
    ("asked", "before", "wait"),
    [(10, None, 10), (10, 30, 30), (0, None, 1), (1000, None, 300), (40, 30, 40)],
)
def test_who_waits_again_waits_no_shorter_than_before_and_within_the_contract(
    asked: float, before: float | None, wait: float
) -> None:
    address = Address.checked("ws://localhost/ws", wait=before).waiting(asked)
    assert address.wait == wait


@pytest.mark.parametrize("wait", [1, 300])
def test_a_wait_may_be_as_short_and_as_long_as_the_contract_says(wait: float) -> None:
    assert Address.checked("ws://localhost/ws", wait=wait).wait == wait


@pytest.mark.parametrize("wait", [0.9, 301, float("nan"), float("inf")])
def test_another_wait_is_refused(wait: float) -> None:
    with pytest.raises(ValueError, match="accepted: 1 to 300 seconds, or None"):
        Address.checked("ws://localhost/ws", wait=wait)


async def ended(close_code: int | None, *messages: str, reason: str = "") -> ClientError:
    """What is raised where messages and then a close came."""
    inbox = Inbox(10, lambda _: None)
    for message in messages:
        await inbox.deliver(message)
    inbox.end(close_code, reason)
    assert inbox.ended is not None
    return inbox.ended


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        *((code, True) for code in (None, 1000, 1001, 1006, 1011, 1012, 1013)),
        *((code, False) for code in (1002, 1007, 1008, 1009)),
    ],
)
async def test_a_close_without_words_is_worth_another_try_unless_the_client_was_at_fault(
    code: int | None, *, retryable: bool
) -> None:
    error = await ended(code, reason="a word")
    assert isinstance(error, ConnectionLostError)
    assert (error.close_code, error.retryable) == (code, retryable)
    assert str(error) == f"the connection ended with close code {code} (a word)"


async def test_a_close_is_explained_by_the_error_before_it() -> None:
    said = play.error(ErrorCode.SLOW_READER, "too slow").model_dump_json()
    error = await ended(1008, said)
    assert isinstance(error, GatewayError)
    assert (str(error), error.code, error.close_code) == ("too slow", "slow_reader", 1008)


async def test_what_came_first_stays_the_reason() -> None:
    inbox = Inbox(10, lambda _: None)
    first = ConnectionLostError("first")
    waiting = inbox.expect(Pong)
    inbox.fail(first)
    inbox.end(1000, "")
    assert inbox.ended is first
    with pytest.raises(ConnectionLostError, match="first"):
        await waiting
    inbox.forget(Pong)
    with pytest.raises(ConnectionLostError, match="first"):
        inbox.expect(Pong)


async def test_two_may_not_wait_for_the_same_answer() -> None:
    inbox = Inbox(10, lambda _: None)
    inbox.expect(Pong)
    with pytest.raises(RuntimeError, match="already waiting for Pong"):
        inbox.expect(Pong)
    inbox.forget(Pong)
    inbox.expect(Pong).cancel()


async def test_the_next_session_begins_without_the_end_of_the_last() -> None:
    inbox = Inbox(10, lambda _: None)
    await inbox.deliver(play.stopped(2).model_dump_json())
    stopped: Any = inbox.stopped
    assert isinstance(stopped, SessionStopped)
    assert await inbox.events.next() is None
    inbox.begin()
    assert inbox.stopped is None
    assert inbox.events.unread == 0
