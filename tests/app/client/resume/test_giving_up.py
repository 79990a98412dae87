"""Sessions that cannot be saved, and mistakes: what a caller is told, and which audio is lost.

Does not prove that a real gateway refuses in these ways; `test_opening.py` and
`test_with_a_gateway.py` have what it does.
"""

import asyncio
from dataclasses import replace
from http import HTTPStatus

import pytest

from app.client import (
    AudioSpan,
    ConnectionLostError,
    DeadlineError,
    Deadlines,
    Event,
    GatewayError,
    ProtocolError,
    RefusedError,
    UnauthorizedError,
    connect,
)
from app.contract import CloseCode, ErrorCode
from tests.app.client.resume.sessions import (
    SOON,
    SPEECH,
    STEP,
    connected,
    finals,
    read,
    say,
    say_all,
)
from tests.support.gateways.breaking import (
    RATE,
    SEGMENT_BYTES,
    SEGMENT_S,
    At,
    Fault,
    breaking,
    texts_of,
)


async def test_an_overflow_names_the_setting_and_what_was_taken_before_it_is_safe() -> None:
    gate = asyncio.Event()

    def shut() -> Fault:
        return Fault() if gate.is_set() else Fault(at=At.REFUSED)

    keep_s = 2 * SEGMENT_S
    async with (
        breaking([Fault(at=At.AUDIO, count=1)], then=shut) as gateway,
        connected(gateway, keep_s=keep_s, deadlines=Deadlines(send=0.05)) as connection,
    ):
        await connection.start()
        with pytest.raises(
            DeadlineError,
            match=r"keep_s is 0\.1: audio from 0\.00 to .* none of it became final for 0\.05 s",
        ):
            await say(connection)
        # All of the messages before, and of the last one what there was room for: not a byte of
        # it is taken when it does not fit.
        taken = 2 * SEGMENT_BYTES // STEP * STEP
        gate.set()
        await say(connection, SPEECH[taken:])
        await connection.finish()
        assert finals(await read(connection)) == texts_of(SPEECH)


@pytest.mark.parametrize(
    ("second", "kind", "sentence"),
    [
        (Fault(at=At.REFUSED, status=HTTPStatus.UNAUTHORIZED), UnauthorizedError, "401"),
        (Fault(at=At.REFUSED, status=HTTPStatus.NOT_FOUND), RefusedError, "404"),
        (Fault(reject=ErrorCode.RESUME_REJECTED), GatewayError, "No"),
        (Fault(reject=ErrorCode.ASR_REJECTED), GatewayError, "No"),
    ],
    ids=["401", "404", "resume_rejected", "asr_rejected"],
)
async def test_what_is_refused_for_good_ends_the_session_and_says_which_audio_is_lost(
    second: Fault, kind: type[Exception], sentence: str
) -> None:
    async with (
        breaking([Fault(at=At.FINAL, count=2), second]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        with pytest.raises(kind, match=sentence) as failed:
            await say_all(connection)
        assert len(gateway.requests) == 2
        lost = failed.value.lost  # type: ignore[attr-defined] # every ClientError has it
        assert lost is not None
        assert lost.start == pytest.approx(2 * SEGMENT_S)
        assert f"audio from {lost.start:.2f} to {lost.end:.2f} s is in no final" in str(
            failed.value
        )
        assert isinstance(failed.value.__cause__, ConnectionLostError)
        with pytest.raises(kind, match=sentence):
            await read(connection)


async def test_what_was_heard_before_a_session_is_given_up_can_still_be_read() -> None:
    second = Fault(at=At.REFUSED, status=HTTPStatus.FORBIDDEN)
    heard: list[Event] = []
    async with (
        breaking([Fault(at=At.FINAL, count=2), second]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        with pytest.raises(RefusedError):
            await say_all(connection)
        with pytest.raises(RefusedError):
            await read(connection, heard)
    assert finals(heard) == texts_of(SPEECH)[:2]


async def test_after_a_lost_session_another_one_can_be_started() -> None:
    second = Fault(at=At.REFUSED, status=HTTPStatus.FORBIDDEN)
    async with (
        breaking([Fault(at=At.AUDIO, count=500), second]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        with pytest.raises(RefusedError):
            await say_all(connection)
        await connection.start()
        await say_all(connection)
        assert finals(await read(connection)) == texts_of(SPEECH)


async def test_a_gateway_without_an_offer_is_as_it_ever_was_and_says_what_is_lost() -> None:
    async with (
        breaking([Fault(at=At.FINAL, count=2, offer=False)]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        with pytest.raises(ConnectionLostError) as failed:
            await say_all(connection)
        assert len(gateway.requests) == 1
        assert failed.value.close_code == 1006
    # These finals have no words and no resume point: nothing says how far they reach.
    assert failed.value.lost is None


async def test_no_gateway_within_the_deadline_names_it_and_the_last_answer() -> None:
    busy = Fault(at=At.REFUSED)
    async with (
        breaking([Fault(at=At.AUDIO, count=1)], then=lambda: busy) as gateway,
        connected(gateway, deadlines=Deadlines(reconnect=0.2)) as connection,
    ):
        await connection.start()
        with pytest.raises(
            DeadlineError,
            match=r"went on with the session within 0\.2 s; the last answer: .*503",
        ) as failed:
            await say_all(connection)
    assert failed.value.retryable
    assert failed.value.lost == AudioSpan(start=0.0, end=len(SPEECH) / RATE / 2)


async def test_a_refusal_with_retry_after_is_not_asked_again_before_that() -> None:
    faults = [
        Fault(at=At.AUDIO, count=1),
        Fault(at=At.REFUSED, retry_after="3600"),
    ]
    async with (
        breaking(faults) as gateway,
        connected(gateway, deadlines=Deadlines(reconnect=0.3)) as connection,
    ):
        await connection.start()
        with pytest.raises(DeadlineError, match="503"):
            await say_all(connection)
        assert len(gateway.requests) == 2


async def test_connections_that_open_and_die_at_once_are_given_up() -> None:
    rules = replace(SOON, quick_failures=4)
    dying = Fault(at=At.STARTED)
    async with (
        breaking([], then=lambda: dying) as gateway,
        connected(gateway, rules=rules) as connection,
    ):
        await connection.start()
        with pytest.raises(
            ConnectionLostError, match="4 connections in a row broke at once; the last: "
        ) as failed:
            await say_all(connection)
        assert len(gateway.served) == 4
    assert failed.value.close_code == 1006


async def test_a_limit_that_was_exceeded_is_not_tried_again() -> None:
    fault = Fault(at=At.AUDIO, count=2000, error=ErrorCode.SESSION_TOO_LONG)
    async with breaking([fault]) as gateway, connected(gateway) as connection:
        await connection.start()
        with pytest.raises(GatewayError) as failed:
            await say_all(connection)
        assert len(gateway.requests) == 1
    assert failed.value.close_code == CloseCode.POLICY
    assert failed.value.lost is not None


async def test_a_gateway_that_begins_anew_instead_of_going_on_is_not_believed() -> None:
    async with (
        breaking([Fault(at=At.FINAL, count=1), Fault(forgetful=True)]) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        with pytest.raises(ProtocolError, match="was to go on with a session"):
            await say_all(connection)


async def test_a_mistake_of_the_caller_is_told_at_once() -> None:
    async with breaking([]) as gateway, connected(gateway) as connection:
        for early in (connection.send(b"\0\0"), connection.finalize()):
            with pytest.raises(RuntimeError, match="no session runs"):
                await early
        await connection.start()
        with pytest.raises(RuntimeError, match="a session runs already"):
            await connection.start()
        await connection.finish()
        with pytest.raises(RuntimeError, match="no session runs"):
            await connection.send(b"\0\0")
        assert (await connection.finish()).segments == 0
    with pytest.raises(ConnectionLostError, match="this client closed"):
        await connection.start()


@pytest.mark.parametrize("keep_s", [0, -1, float("nan")])
async def test_a_store_that_can_hold_nothing_is_refused_by_name(keep_s: float) -> None:
    with pytest.raises(ValueError, match=r"keep_s is .*; accepted: a number of seconds"):
        async with connect("ws://127.0.0.1:9/ws", keep_s=keep_s):
            pass


@pytest.mark.parametrize("wait", [0.5, 301, float("nan")])
def test_a_wait_the_contract_has_not_is_refused_by_name(wait: float) -> None:
    with pytest.raises(ValueError, match=r"wait is .*; accepted: 1 to 300 seconds"):
        connect("ws://127.0.0.1:9/ws", wait=wait)


async def test_closing_in_the_middle_of_a_break_wakes_who_waits_and_leaves_no_task() -> None:
    busy = Fault(at=At.REFUSED)
    async with (
        breaking([Fault(at=At.AUDIO, count=1)], then=lambda: busy) as gateway,
        connected(gateway) as connection,
    ):
        await connection.start()
        await say(connection)
        finishing = asyncio.create_task(connection.finish())
        reading = asyncio.create_task(read(connection))
        await asyncio.sleep(0)
        await connection.aclose()
        for waiting in (finishing, reading):
            with pytest.raises(ConnectionLostError, match="this client closed"):
                await waiting


async def test_after_a_session_that_the_recogniser_refused_another_can_follow() -> None:
    async with breaking([Fault(refuses=True)]) as gateway, connected(gateway) as connection:
        await connection.start()
        with pytest.raises(GatewayError, match="no model for the language") as refused:
            await say_all(connection)
        assert refused.value.code == ErrorCode.ASR_REJECTED
        assert refused.value.lost is not None
        await connection.start()
        await say_all(connection)
        assert finals(await read(connection)) == texts_of(SPEECH)
        assert len(gateway.served) == 1


def test_lost_audio_is_named_in_the_sentence_that_says_why() -> None:
    error = GatewayError("The recogniser failed; accepted: en-US.")
    error.lost = AudioSpan(start=0.0, end=0.3)
    assert str(error) == (
        "The recogniser failed; accepted: en-US; audio from 0.00 to 0.30 s is in no final"
    )
