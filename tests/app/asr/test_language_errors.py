"""A language that is not served is named, with those that are: what a client can change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

from app.asr import AsrError
from tests.app.asr.conftest import client_of
from tests.support.recognisers.fake_riva import FakeRiva, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.recognisers.fake_riva import Stream

FIXTURE = Path(__file__).parents[2] / "fixtures" / "silence_10s.flac"
MODELS = {
    "a": {"type": "online", "language_code": "es-US,en-US"},
    "b": {"type": "online", "language_code": "en-US"},
    "c": {"type": "online"},
}


async def refuse(stream: Stream) -> None:
    language = stream.opening.streaming_config.config.language_code
    await stream.context.abort(
        grpc.StatusCode.INVALID_ARGUMENT,
        "Error: Unavailable model requested given these parameters: "
        f"language_code={language}; type=online;",
    )


async def silence() -> AsyncIterator[bytes]:
    yield bytes(3_200)


async def refusal(riva: FakeRiva, language: str | None) -> AsrError:
    async with client_of(riva) as client:
        with pytest.raises(AsrError) as refused:
            async for _ in client.stream_events(silence(), language=language):
                pass
    return refused.value


@pytest.mark.parametrize(
    ("language", "models", "said"),
    [
        ("de-DE", MODELS, "the language de-DE and this kind of request; accepted: en-US, es-US."),
        (None, MODELS, "the language en-US and this kind of request; it lists en-US, es-US."),
        ("de-DE", {}, "de-DE and this kind of request; it does not say which languages it has."),
        ("de-DE", {"c": {}}, "request; it does not say which languages it has."),
        (
            "de-DE",
            {"a": {"language_code": ",".join(f"x{n:02}" for n in range(40))}},
            "x28, x29 and 10 more.",
        ),
    ],
)
async def test_the_language_and_those_that_are_listed_are_named(
    language: str | None, models: dict[str, dict[str, str]], said: str
) -> None:
    async with serving(FakeRiva(script=refuse, models=models)) as riva:
        error = await refusal(riva, language)
    assert error.message.startswith("The recogniser has no model for the language ")
    assert error.message.endswith(said)
    assert (error.code, error.retryable, error.fault) == ("MODEL_UNAVAILABLE", False, "caller")
    # The recogniser's own words are for logs alone.
    assert "language_code=" in error.detail


async def test_a_recogniser_that_cannot_be_asked_leaves_the_language_in_the_error() -> None:
    async with serving(FakeRiva(script=refuse, failures_before_success=1_000)) as riva:
        error = await refusal(riva, "de-DE")
    assert "language de-DE and this" in error.message
    assert error.message.endswith("it does not say which languages it has.")


async def test_a_recording_in_a_language_that_is_not_served_is_refused_in_the_same_words() -> None:
    async with (
        serving(FakeRiva(script=refuse, models=MODELS)) as riva,
        client_of(riva) as client,
    ):
        with pytest.raises(AsrError, match=r"language de-DE .* accepted: en-US, es-US\.$"):
            await client.transcribe_file(FIXTURE, language="de-DE")
