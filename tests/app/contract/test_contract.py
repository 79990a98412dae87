"""The messages, their errors and their documents."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from app.contract import (
    CLIENT_MESSAGES,
    CLOSE_MEANINGS,
    ERRORS,
    WARNINGS,
    ClientMessage,
    ClientMessageA,
    ClientMessageB,
    CloseCode,
    ContractError,
    Dialect,
    ErrorCode,
    ServerMessageA,
    ServerMessageB,
    WarningCode,
    dialect_of,
    limits,
    parse_client_message,
)
from app.contract.dialect_b import RecordingConfig
from app.contract.docs import contract_page, contract_schema
from app.contract.fields import EndpointingOptions


def error_of(dialect: Dialect, text: str) -> ContractError:
    with pytest.raises(ContractError) as refused:
        parse_client_message(dialect, text)
    return refused.value


def test_the_page_names_every_message_error_warning_and_close_code() -> None:
    page = contract_page(2.0)
    for code in (*ErrorCode, *WarningCode):
        assert f"`{code.value}`" in page
    for code in CloseCode:
        assert f"\n| {int(code)} |" in page
    for messages in CLIENT_MESSAGES.values():
        for kind in messages:
            assert f"#### `{kind}`" in page


def test_every_code_is_specified() -> None:
    assert set(ERRORS) == set(ErrorCode)
    assert set(WARNINGS) == set(WarningCode)
    assert set(CLOSE_MEANINGS) == set(CloseCode)
    for spec in ERRORS.values():
        assert spec.sentence
        assert spec.when
        # A wait only where trying again can help.
        assert spec.retryable or spec.retry_after_s is None


def test_dialect_b_lives_at_one_path() -> None:
    assert dialect_of("/ws/transcribe") is Dialect.B
    assert dialect_of("/ws/transcribe/") is Dialect.B
    for path in ("/", "", "/ws", "/ws/transcribe/more"):
        assert dialect_of(path) is Dialect.A


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Invalid JSON message"),
        ("[]", "Invalid JSON message"),
        ("[" * 100_000, "Invalid JSON message"),
        ('{"type": "\\ud800"}', "Invalid JSON message"),
        ("{}", "Unknown message type: None"),
        ('{"type": 5}', "Unknown message type: 5"),
        ('{"type": "audio"}', "Unknown message type: audio"),
        (
            '{"type":"start_transcription","sample_rate":7}',
            "Invalid message: sample_rate is 7; accepted: a whole number from 8000 to 48000",
        ),
        (
            '{"type":"start_transcription","enable_partials":"yes"}',
            'Invalid message: enable_partials is "yes"; accepted: true or false',
        ),
        (
            '{"type":"start_transcription","channels":true}',
            "Invalid message: channels is true; accepted: 1 or 2",
        ),
        (
            '{"type":"start_transcription","hotwords":["a",5]}',
            "Invalid message: hotwords[1] is 5; accepted: a text of 1 to 100 characters",
        ),
        (
            '{"type":"start_transcription","endpointing":{"stop_threshold":3}}',
            "Invalid message: endpointing.stop_threshold is 3; accepted: a number from 0 to 1",
        ),
        (
            '{"type":"ping","timestamp":{}}',
            "Invalid message: timestamp is {}; accepted: a number or a text",
        ),
    ],
)
def test_a_wrong_message_is_named_with_field_value_and_what_is_accepted(
    text: str, sentence: str
) -> None:
    assert error_of(Dialect.A, text).sentence == sentence


def test_a_long_value_is_not_sent_back_whole() -> None:
    error = error_of(Dialect.A, json.dumps({"type": "x" * 5000}))
    assert len(error.sentence) < 150


@pytest.mark.parametrize("letter", ["x", "ü", "語", "😀"])
def test_a_value_is_repeated_up_to_so_many_characters_and_then_cut(letter: str) -> None:
    """Characters, and not the bytes or the escapes by which they are sent."""

    def echo(length: int) -> str:
        sentence = error_of(Dialect.A, json.dumps({"type": letter * length})).sentence
        return sentence.removeprefix("Unknown message type: ")

    assert echo(limits.MAX_ECHO_CHARS) == letter * limits.MAX_ECHO_CHARS
    assert echo(limits.MAX_ECHO_CHARS + 1) == letter * (limits.MAX_ECHO_CHARS - 3) + "..."
    # The quotation marks of a value are part of what is shown of it.
    message = {"type": "start_transcription", "encoding": letter * limits.MAX_ECHO_CHARS}
    assert f'is "{letter * 76}...; accepted' in error_of(Dialect.A, json.dumps(message)).sentence


FIELDS = [
    (dialect, kind, name)
    for dialect, models in CLIENT_MESSAGES.items()
    for kind, model in models.items()
    for name in model.model_fields
    if name != "type"
]


@pytest.mark.parametrize(("dialect", "kind", "name"), FIELDS)
def test_what_a_refused_field_would_take_is_said_as_the_page_says_it(
    dialect: Dialect, kind: str, name: str
) -> None:
    described = CLIENT_MESSAGES[dialect][kind].model_json_schema()["properties"][name]
    members = (described, *described.get("anyOf", ()))
    accepted = next(member["accepted"] for member in members if "accepted" in member)
    # No field takes both: what is an object takes no list.
    wrong: object = [{"a": 1}] if name in {"endpointing", "config"} else {"a": [1]}
    sentence = error_of(dialect, json.dumps({"type": kind, name: wrong})).sentence
    assert sentence == f"Invalid message: {name} is {json.dumps(wrong)}; accepted: {accepted}"


def test_unknown_keys_are_ignored() -> None:
    parsed = parse_client_message(
        Dialect.A, '{"type":"start_transcription","config":{"a":1},"later":2}'
    )
    assert parsed.model_dump()["enable_partials"] is True


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = sorted(
    {
        name
        for models in CLIENT_MESSAGES.values()
        for m in models.values()
        for name in m.model_fields
    }
)

VALIDATORS = {
    dialect: Draft202012Validator(
        {**json.loads(contract_schema()), "$ref": f"#/$defs/client_{dialect.value}"}
    )
    for dialect in Dialect
}


@given(
    dialect=st.sampled_from(Dialect),
    kind=st.sampled_from(sorted({k for models in CLIENT_MESSAGES.values() for k in models})),
    fields=st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), VALUES, max_size=5),
)
def test_any_json_is_a_message_or_a_documented_error(
    dialect: Dialect, kind: str, fields: dict[str, Any]
) -> None:
    text = json.dumps({**fields, "type": kind})
    parsed: ClientMessage | ErrorCode
    try:
        parsed = parse_client_message(dialect, text)
    except ContractError as error:
        parsed = error.code
    if isinstance(parsed, ClientMessage):
        # What was accepted is also valid by the published schema.
        assert not list(VALIDATORS[dialect].iter_errors(json.loads(text)))
    else:
        assert parsed in {
            ErrorCode.INVALID_JSON,
            ErrorCode.INVALID_MESSAGE,
            ErrorCode.UNKNOWN_MESSAGE_TYPE,
        }


WHOLE = st.sampled_from((0, 1, 2, 3, 7999, 8000, 16000, 48000, 48001, 10**6, 2**53, 10**30))
NUMBERS = WHOLE | WHOLE.map(float) | WHOLE.map(lambda whole: whole + 0.5) | st.floats(-2, 101)
LIKELY = st.one_of(
    NUMBERS,
    NUMBERS.map(str),
    st.none() | st.booleans(),
    st.sampled_from(("pcm16", "float32", "en-US", "a", "")) | st.text(max_size=6),
    st.lists(st.text(max_size=3) | NUMBERS, max_size=3),
)
"""Values that are right, nearly right, or right somewhere else."""


def nested(names: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(names)), LIKELY, max_size=3)


@given(
    dialect=st.sampled_from(Dialect),
    kind=st.sampled_from(sorted({k for models in CLIENT_MESSAGES.values() for k in models})),
    fields=st.dictionaries(st.sampled_from(KEYS), LIKELY, max_size=4),
    endpointing=st.none() | nested(set(EndpointingOptions.model_fields)),
    config=st.none() | nested(set(RecordingConfig.model_fields)),
)
def test_a_message_is_taken_just_when_it_is_valid_by_the_published_schema(
    dialect: Dialect,
    kind: str,
    fields: dict[str, Any],
    endpointing: dict[str, Any] | None,
    config: dict[str, Any] | None,
) -> None:
    message = {**fields, "endpointing": endpointing, "config": config, "type": kind}
    text = json.dumps(message)
    # Python's `$` also matches before a line's end; JSON Schema's regular expressions do not.
    assume("\\n" not in text)
    try:
        parse_client_message(dialect, text)
        taken = True
    except ContractError:
        taken = False
    assert taken == VALIDATORS[dialect].is_valid(json.loads(text)), text


@pytest.mark.parametrize("written", ["16000", "16000.0", "1.6e4", "16E3", "160000e-1"])
def test_a_whole_number_may_be_written_in_every_way_that_json_has(written: str) -> None:
    starts = (
        (Dialect.A, '{"type":"start_transcription","sample_rate":%s}'),
        (Dialect.B, '{"type":"start_recording","config":{"sample_rate":%s}}'),
        (Dialect.B, '{"type":"configure","sample_rate":%s}'),
    )
    for dialect, start in starts:
        parsed = parse_client_message(dialect, start % written).model_dump()
        rate = parsed.get("sample_rate") or parsed["config"]["sample_rate"]
        assert (rate, type(rate)) == (16000, int)


@pytest.mark.parametrize("written", ["16000.5", "true", '"16000"', "1e300", "[16000]", "-16000"])
def test_what_is_no_whole_number_of_hertz_is_refused_as_it_was_written(written: str) -> None:
    sentence = error_of(
        Dialect.A, f'{{"type":"start_transcription","sample_rate":{written}}}'
    ).sentence
    assert sentence == (
        f"Invalid message: sample_rate is {json.dumps(json.loads(written))};"
        " accepted: a whole number from 8000 to 48000"
    )


@pytest.mark.parametrize("written", ["NaN", "Infinity", "1e400", "-1e400"])
def test_what_json_has_no_number_for_is_an_error_and_no_rate(written: str) -> None:
    text = f'{{"type":"start_transcription","sample_rate":{written}}}'
    error = error_of(Dialect.A, text)
    assert error.code in {ErrorCode.INVALID_JSON, ErrorCode.INVALID_MESSAGE}
    assert "nf" not in error.sentence
    beyond = "sample_rate is a number beyond 1.8e308; accepted:" in error.sentence
    assert beyond == written.endswith("1e400")


@pytest.mark.parametrize("whole", [3, 3.0])
def test_a_gateways_numbers_are_read_in_either_way_too(whole: float) -> None:
    queued = {"type": "queued", "timestamp": "2026-01-31T00:00:00Z", "place": whole}
    adapters: list[TypeAdapter[Any]] = [TypeAdapter(ServerMessageA), TypeAdapter(ServerMessageB)]
    for adapter in adapters:
        assert adapter.validate_python({**queued, "seconds_left": 5}).place == 3


def test_both_dialects_have_unions_with_every_message() -> None:
    adapters: list[tuple[TypeAdapter[Any], int]] = [
        (TypeAdapter(ClientMessageA), 5),
        (TypeAdapter(ClientMessageB), 7),
        (TypeAdapter(ServerMessageA), 12),
        (TypeAdapter(ServerMessageB), 12),
    ]
    for adapter, count in adapters:
        schema = adapter.json_schema()
        assert len(schema["discriminator"]["mapping"]) == count


@given(st.text(st.characters(categories=["Cs", "Lu", "Zs"]), max_size=20))
def test_an_error_that_repeats_what_is_no_text_can_be_sent_all_the_same(repeated: str) -> None:
    error = ContractError(ErrorCode.BAD_REQUEST, detail=f"<{repeated}>")
    said = json.loads(error.body().model_dump_json().encode())["error"]
    assert said.startswith("<")
    assert said.endswith(">")


def test_a_client_may_not_wait_longer_for_what_will_not_change() -> None:
    error = ContractError(ErrorCode.ASR_FAILED, detail="x", retryable=False)
    assert error.body().retry_after is None
    assert ContractError(ErrorCode.ASR_FAILED, detail="x").body().retry_after == 1.0


def test_limits_agree_with_each_other() -> None:
    assert min(limits.SUPPORTED_SAMPLE_RATES_HZ) == limits.MIN_SAMPLE_RATE_HZ
    assert max(limits.SUPPORTED_SAMPLE_RATES_HZ) == limits.MAX_SAMPLE_RATE_HZ
    assert limits.MAX_HOTWORDS * (limits.MAX_HOTWORD_CHARS + 3) < limits.MAX_CONTROL_BYTES
