"""What a gateway sends is either a message of the contract or a ProtocolError; NaN is unknown."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.client.connection.inbox import Inbox
from app.client.errors import ProtocolError
from app.contract import ContractError, Dialect, ServerMessageA, parse_client_message
from app.contract.dialect_a import Transcription

FINAL: dict[str, Any] = {
    "type": "transcription",
    "segment_id": 0,
    "text": "hello",
    "timestamp": "2026-11-22T12:00:00Z",
    "processing_time_ms": 1.0,
    "words": [{"word": "hello", "start": 0.1, "end": 0.4, "confidence": 0.5}],
    "confidence": 0.5,
    "audio_processed": 1.0,
}


async def taken(text: str) -> ServerMessageA | None:
    heard: list[ServerMessageA] = []
    await Inbox(10, heard.append).deliver(text)
    return heard[0] if heard else None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_a_score_that_is_no_number_is_unknown(number: str) -> None:
    text = json.dumps({**FINAL, "confidence": 77, "audio_processed": 77}).replace("77", number)
    message = await taken(text)
    assert isinstance(message, Transcription)
    assert message.confidence is message.audio_processed is None
    assert message.words[0].confidence == 0.5


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999", "1" * 400, "1" * 5000])
async def test_a_time_that_is_no_number_is_an_error_that_names_its_field(number: str) -> None:
    text = json.dumps({**FINAL, "processing_time_ms": 77}).replace("77", number)
    with pytest.raises(ProtocolError, match=r"processing_time_ms|no JSON"):
        await taken(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FINAL]), inner),
    max_leaves=8,
)


@example(changes={"type": ["x"]})
@example(changes={"words": [{"word": "a", "start": math.nan, "end": 1.0, "confidence": None}]})
@given(changes=st.dictionaries(st.sampled_from([*FINAL]), JSON, max_size=3))
async def test_whatever_comes_is_a_message_of_the_contract_or_a_protocol_error(
    changes: dict[str, Any],
) -> None:
    try:
        message = await taken(json.dumps({**FINAL, **changes}))
    except ProtocolError:
        return
    if isinstance(message, Transcription):
        json.dumps(message.model_dump(mode="json"), allow_nan=False)


async def test_nesting_without_end_is_a_protocol_error_too() -> None:
    with pytest.raises(ProtocolError, match="no JSON"):
        await taken("[" * 100_000)


def test_a_number_beyond_all_numbers_from_a_client_is_refused_by_name() -> None:
    for field, text in (
        ("timestamp", '{"type": "ping", "timestamp": 1e999}'),
        ("hotword_boost", '{"type": "start_transcription", "hotword_boost": -1e999}'),
    ):
        with pytest.raises(ContractError, match=rf"{field} is a number beyond 1\.8e308; accepted"):
            parse_client_message(Dialect.A, text)
