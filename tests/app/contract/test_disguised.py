"""Where audio in text, and text in audio, is seen, and where there is too little of it to tell."""

import json

import pytest

from app.contract.disguised import audio_in_text, text_in_audio
from app.contract.limits import MAX_CONTROL_BYTES
from app.contract.parsing import Dialect


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A" * 200, "base64 text"),
        ("A" * 199, None),
        ("-_" * 100, "base64 text"),
        ("+/" * 100 + "==\n", "base64 text"),
        ("A" * 200 + "===", None),
        ("A" * 100 + "?" + "A" * 100, None),
        ("data:audio/wav;base64," + "A" * 200, "base64 text"),
        (json.dumps({"audio": "A" * 200}), "base64 inside JSON"),
        (json.dumps({"audio": "A" * 199}), None),
        (json.dumps({"media": {"payload": "A" * 200}}), "base64 inside JSON"),
        (json.dumps({"a": {"b": {"payload": "A" * 200}}}), None),
        (json.dumps({"samples": [0.5] * 50}), "numbers inside JSON"),
        (json.dumps({"samples": [0.5] * 49, "more": " " * 100}), None),
        (json.dumps({"samples": [0.5] * 50 + ["x"]}), None),
        (json.dumps([1] * 100), "numbers inside JSON"),
        (json.dumps(["A" * 300]), None),
        ("{" + "A" * 300, None),
        (json.dumps({"type": 5, "audio": "A" * 200}), "base64 inside JSON"),
    ],
)
def test_text_is_audio_from_a_certain_length_on(
    dialect: Dialect, text: str, kind: str | None
) -> None:
    assert audio_in_text(dialect, text) == kind


def test_only_a_dialects_own_messages_are_above_suspicion() -> None:
    text = json.dumps({"type": "configure", "audio": "A" * 200})
    assert audio_in_text(Dialect.B, text) is None
    assert audio_in_text(Dialect.A, text) == "base64 inside JSON"


def padded(length: int) -> bytes:
    return b'{"type":"' + b"x" * (length - 11) + b'"}'


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"{}", "JSON text"),
        (b"{\0", None),
        (b'{"a": NaN', None),
        (b" {}", None),
        (b"[1]", None),
        (b"A" * 200, "base64 text"),
        (b"A" * 199, None),
        (b"A" * 200 + b"\xc3\xa4", None),
        (padded(MAX_CONTROL_BYTES), "JSON text"),
        (padded(MAX_CONTROL_BYTES + 1), None),
    ],
)
def test_a_binary_message_is_text_up_to_the_size_that_a_text_may_have(
    message: bytes, kind: str | None
) -> None:
    assert text_in_audio(message) == kind
