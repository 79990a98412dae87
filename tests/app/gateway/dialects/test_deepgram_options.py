"""What Deepgram's options of an address come to."""

import json
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contract import ERRORS, ContractError, ErrorCode
from app.gateway.dialects import events
from app.gateway.dialects.deepgram.answers import close_code, close_reason, refusal
from app.gateway.dialects.deepgram.credentials import keys, selected
from app.gateway.dialects.deepgram.live import DeepgramLiveCodec
from app.gateway.dialects.deepgram.options import PARAMETERS, of_recording, of_stream

NAMES = [name for names in PARAMETERS for name in names.split(", ")]
VALUES = st.one_of(
    st.sampled_from(
        ["true", "false", "linear16", "16000", "25", "-1", "1e9", "\u0663", "", "a:-1"]
    ),
    st.text(max_size=200),
)


@pytest.mark.parametrize(
    ("value", "silence"),
    [("10", None), ("25", None), ("240", 240), ("true", None), ("false", None)],
)
def test_only_a_silence_that_cuts_no_word_is_asked_of_the_recogniser(
    value: str, silence: int | None
) -> None:
    options = of_stream([("endpointing", value)])
    endpointing = options.request().endpointing
    assert (endpointing and endpointing.stop_history_ms) == silence
    assert options.says_speech_final is (value != "false")


def test_events_need_interims_of_the_recogniser_that_the_client_does_not_get() -> None:
    for option in (("vad_events", "true"), ("utterance_end_ms", "1000")):
        options = of_stream([option])
        assert options.request().enable_partials
        assert not options.interims
    assert not of_stream([]).request().enable_partials


def test_telephone_audio_keeps_its_encoding() -> None:
    request = of_stream(
        [("encoding", "mulaw"), ("sample_rate", "8000"), ("channels", "2")]
    ).request()
    assert (request.encoding, request.sample_rate, request.channels) == ("mulaw", 8000, 2)


def test_a_key_stands_behind_its_scheme_and_is_never_selected() -> None:
    offered = ["bearer", "secret", "x-deepgram-session-id", "an-id"]
    assert keys(offered) == ["secret"]
    assert selected(offered) == "bearer"
    assert keys(["token"]) == []
    assert selected(["perch"]) is None


@given(st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=20), VALUES), max_size=12))
def test_any_address_is_taken_or_refused_with_a_name(pairs: list[tuple[str, str]]) -> None:
    for read in (of_stream, lambda pairs: of_recording(pairs)[0]):
        error = None
        try:
            request = read(pairs).request()
        except ContractError as refused:
            error = refused
        if error is None:
            assert 8_000 <= request.sample_rate <= 48_000
            assert request.channels in {1, 2}
        else:
            assert error.code is ErrorCode.BAD_REQUEST
            assert any(f"{name} is " in error.sentence for name in [*dict(pairs), "sample_rate"])
            answer = refusal(error, "an-id")
            assert all(" " <= letter <= "~" for letter in answer.headers["dg-error"])
            assert len(close_reason(error).encode()) <= 123


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_has_a_code_to_close_with_or_belongs_to_one_message(code: ErrorCode) -> None:
    places = {name for _, name, _, _ in Formatter().parse(ERRORS[code].sentence) if name}
    values: dict[str, Any] = dict.fromkeys(places, 1)
    closed_with = close_code(ContractError(code, **values))
    one_message = {"invalid_json", "invalid_message", "unknown_message_type"}
    met_the_end = {"no_active_session", "audio_before_start"}
    assert (closed_with is None) == (code.value in one_message | met_the_end)
    # The SDK for JavaScript takes 1000 for the end that it asked for.
    assert closed_with != 1000


MESSAGES = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["KeepAlive", "Finalize", "Configure", "Results", "", None, 1]),
            "channel": st.none() | st.integers() | st.lists(st.integers(), max_size=2),
            "keyterms": st.none() | st.lists(st.text(max_size=5), max_size=3) | st.floats(),
        }
    ).map(json.dumps),
)


@given(st.lists(MESSAGES, max_size=12))
def test_whatever_a_client_sends_is_answered_or_ignored(messages: list[str | bytes]) -> None:
    """Without a session behind it: what is audio for the recogniser is not looked at."""
    codec = DeepgramLiveCodec(of_stream([("encoding", "linear16"), ("sample_rate", "8000")]), "id")
    for message in messages:
        refused = None
        try:
            codec.parse(message)
        except ContractError as error:
            refused = error
        if refused is None:
            continue
        texts = codec.render(events.Failed(error=refused))
        # Told of by a message or by the close, and never by both.
        assert len(texts) == (codec.close_code(refused) is None)
        assert all(json.loads(text)["type"] == "Error" for text in texts)
