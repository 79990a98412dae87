"""Whatever a start can be refused for is refused in its answer, and no session began before.

The recogniser is the emulator, which lists three languages. That a NIM lists its languages in the
same way is not proved here, nor that it takes whatever it lists.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection

from app.emulator import Emulator, Script
from tests.app.gateway.session.words import A, B, Words, both
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    finish_loading,
    running_emulator,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_SUCH = "and this kind of request; accepted: de-DE, en-GB, en-US."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recogniser() -> AsyncIterator[Emulator]:
    async with running_emulator(languages=("en-US", "en-GB", "de-DE")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(recogniser: Emulator) -> AsyncIterator[Running]:
    riva = {"endpointing_stop_history_ms": 800, "endpointing_stop_history_eou_ms": 400}
    async with running_gateway(
        recogniser, riva, ws_control_burst=1000, ws_client_resumes_per_minute=0
    ) as running:
        yield running


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"sample_rate": 7999}, "invalid_message", "sample_rate is 7999; accepted: a whole number"),
    ({"sample_rate": 48_001}, "invalid_message", "sample_rate is 48001; accepted: a whole number"),
    ({"sample_rate": "16000"}, "invalid_message", 'sample_rate is "16000"; accepted: a whole'),
    ({"encoding": "mp3"}, "invalid_message", 'encoding is "mp3"; accepted: "pcm16" or "float32"'),
    ({"channels": 3}, "invalid_message", "channels is 3; accepted: 1 or 2"),
    ({"enable_partials": "no"}, "invalid_message", 'enable_partials is "no"; accepted: true or'),
    ({"language": "English!"}, "invalid_message", 'language is "English!"; accepted: a BCP 47'),
    (
        {"language": "xx-XX"},
        "asr_rejected",
        f"the language xx-XX {NO_SUCH}",
    ),
    (
        {"language": "en-AU"},
        "asr_rejected",
        f"the language en-AU {NO_SUCH}",
    ),
    ({"model": " x"}, "invalid_message", 'model is " x"; accepted: letters, digits and'),
    ({"model": "none-such"}, "asr_rejected", "model 'none-such'; accepted: parakeet-"),
    ({"hotwords": "Perch"}, "invalid_message", 'hotwords is "Perch"; accepted: a list of'),
    ({"hotwords": ["Perch", ""]}, "invalid_message", 'hotwords[1] is ""; accepted: a text of 1'),
    ({"hotwords": ["Perch", " "]}, "asr_rejected", "hotwords is ['Perch', ' ']; accepted: a list"),
    ({"hotwords": ["x" * 101]}, "invalid_message", "; accepted: a text of 1 to 100 characters"),
    ({"hotwords": ["x"] * 501}, "invalid_message", "accepted: a list of at most 500 texts"),
    ({"hotword_boost": 101}, "invalid_message", "hotword_boost is 101; accepted: a number from 0"),
    ({"hotword_boost": -1}, "invalid_message", "hotword_boost is -1; accepted: a number from 0"),
    ({"resumable": "yes"}, "invalid_message", 'resumable is "yes"; accepted: true or false'),
    ({"heartbeat": 0.1}, "invalid_message", "heartbeat is 0.1; accepted: a number of seconds"),
    ({"resume": "broken"}, "resume_rejected", "The session cannot be resumed: "),
    ({"resume": ""}, "invalid_message", 'resume is ""; accepted: a token as `resume` of a hello'),
]
"""What a start of either dialect may hold; the error's code and what its sentence has."""

ENDPOINTING: list[tuple[dict[str, Any], str, str]] = [
    *(
        (
            {name: value},
            "invalid_message",
            f"endpointing.{name} is {value}; accepted: a whole",
        )
        for name in ("start_history_ms", "stop_history_ms", "stop_history_eou_ms")
        for value in (0, 60_001, -1)
    ),
    *(
        (
            {name: value},
            "invalid_message",
            f"endpointing.{name} is {value}; accepted: a number",
        )
        for name in ("start_threshold", "stop_threshold", "stop_threshold_eou")
        for value in (-0.1, 1.1)
    ),
    (
        {"stop_history_ms": 400, "stop_history_eou_ms": 400},
        "asr_rejected",
        "endpointing.stop_history_eou_ms is 400; accepted: less than 400 ms",
    ),
    # The configured window is 800 ms.
    (
        {"stop_history_eou_ms": 800},
        "asr_rejected",
        "endpointing.stop_history_eou_ms is 800; accepted: less than 800 ms",
    ),
]


async def token_of(socket: ClientConnection, dialect: Words) -> str:
    """Begin and end a session; return a token that resumes it."""
    await dialect.begin(socket, resumable=True)
    await socket.send(SILENCE_100MS * 10)
    await send(socket, dialect.stop)
    heard = await said_until(socket, dialect.stopped)
    token: str = [one["resume"]["token"] for one in heard if one.get("resume")][-1]
    return token


async def check_refusals(
    gateway: Running, dialect: Words, rows: list[tuple[dict[str, Any], str, str]]
) -> None:
    """Ask for each row, new and resumed: the next message is its refusal, and then nothing."""
    async with client(gateway, dialect.path) as socket:
        token = await token_of(socket, dialect)
        for fields, code, sentence in rows:
            for resume in (None, token):
                await dialect.begin(socket, **{"resume": resume, **fields})
                await send(socket, "ping")
                refused = await said(socket)
                assert refused["type"] == "error", fields
                assert (refused["code"], refused["retryable"]) == (code, False), fields
                assert sentence in refused["error"].replace("config.", ""), fields
                assert (await said(socket))["type"] == "pong"
                assert gateway.gateway.admission.sessions == 0
        await dialect.begin(socket)
        assert (await said(socket))["type"] == dialect.started


@both
async def test_a_start_is_refused_in_its_answer_with_field_value_and_what_is_accepted(
    strict: Running, dialect: Words
) -> None:
    await check_refusals(strict, dialect, REFUSED)


async def test_windows_that_cannot_be_are_refused_in_the_answer_too(strict: Running) -> None:
    rows = [({"endpointing": fields}, code, sentence) for fields, code, sentence in ENDPOINTING]
    await check_refusals(strict, A, rows)


@both
@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        ("en-US", "en-US"),
        ("en-gb", "en-GB"),
        ("en", "en-US"),
        ("DE", "de-DE"),
        ("de-DE-1996", "de-DE"),
        (None, "en-US"),
    ],
)
async def test_the_answer_to_a_start_says_which_language_is_asked_for(
    strict: Running, recogniser: Emulator, dialect: Words, asked: str | None, effective: str
) -> None:
    async with client(strict, dialect.path) as socket:
        await dialect.begin(socket, language=asked)
        started = await said(socket)
        assert (started["type"], started["config"]["language"]) == (dialect.started, effective)
        await socket.send(SILENCE_100MS)
        await send(socket, dialect.stop)
        await said_until(socket, dialect.stopped)
    assert recogniser.streams[-1].language == effective


async def test_a_configured_language_is_looked_up_too_and_refused_where_there_is_none(
    recogniser: Emulator,
) -> None:
    async with (
        running_gateway(recogniser, {"language_code": "de"}) as german,
        client(german) as socket,
    ):
        await A.begin(socket)
        assert (await said(socket))["config"]["language"] == "de-DE"
    async with (
        running_gateway(recogniser, {"language_code": "fr"}) as french,
        client(french) as socket,
    ):
        await A.begin(socket)
        assert f"the language fr {NO_SUCH}" in (await said(socket))["error"]
        await A.begin(socket, language="en")
        assert (await said(socket))["config"]["language"] == "en-US"


async def test_a_silence_of_dialect_b_is_taken_whatever_is_configured_beside_it(
    strict: Running,
) -> None:
    async with client(strict, B.path) as socket:
        for silence in (0.1, 0.3, 0.4, 10):
            await send(socket, "configure", silence_duration=silence)
            assert (await said(socket))["type"] == "configured"
            await B.begin(socket)
            assert (await said(socket))["type"] == B.started
            await send(socket, B.stop)
            await said_until(socket, B.stopped)


@pytest.mark.parametrize(("language", "answer"), [("xx", "error"), ("en", A.started)])
async def test_what_becomes_known_only_while_a_start_is_let_in_counts_for_its_answer_too(
    language: str, answer: str
) -> None:
    async with (
        running_emulator(Script(loading_seconds=3600)) as loading,
        running_gateway(loading, app_ready_probe_interval_s=3600) as gateway,
        client(gateway) as socket,
    ):
        await finish_loading(loading)
        # Nobody has asked the recogniser since; the start itself does.
        gateway.gateway.readiness.probes["default"]._answered_at -= 1
        await A.begin(socket, language=language)
        told = await said(socket)
        assert told["type"] == answer
        if answer == A.started:
            assert told["config"]["language"] == "en-US"
        assert gateway.gateway.admission.sessions == (answer == A.started)
