"""Control messages of both dialects: a message, or one error of the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from app.contract import ContractError, Dialect
from app.contract.codes import ErrorCode
from app.contract.disguised import text_in_audio
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.dialects.a import CodecA
from app.gateway.dialects.b import CodecB
from app.gateway.dialects.intents import Audio, Reply
from app.gateway.settings.gateway import GatewaySettings
from tests.fuzz.target import Target, check_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.gateway.dialects.perch import PerchCodec

_LONGEST_SENTENCE: Final = 1000
_ALLOWED: Final = {
    ErrorCode.INVALID_JSON,
    ErrorCode.UNKNOWN_MESSAGE_TYPE,
    ErrorCode.INVALID_MESSAGE,
}
_SETTINGS: Final = GatewaySettings.model_validate({"app_resume_keys": "a" * 32})
_CODECS: Final[dict[Dialect, PerchCodec]] = {
    Dialect.A: CodecA("client", _SETTINGS),
    Dialect.B: CodecB("client", _SETTINGS),
}


def seeds() -> Sequence[bytes]:
    """Messages of each kind with each field, in both dialects."""
    options = {
        "sample_rate": 16000,
        "encoding": "float32",
        "channels": 2,
        "language": "en-US",
        "model": "parakeet",
        "hotwords": ["perch", "riva"],
        "hotword_boost": 20.5,
        "enable_partials": False,
        "endpointing": {"start_ms": 100, "stop_ms": 800},
        "resumable": True,
        "heartbeat": 0.5,
        "resume": "a.b.c",
    }
    said: list[object] = [
        {"type": "start_transcription"},
        {"type": "start_transcription", **options},
        {"type": "start_recording", "config": options},
        {"type": "stop_transcription"},
        {"type": "stop_recording"},
        {"type": "finalize"},
        {"type": "end"},
        {"type": "ping", "timestamp": 1.5e300},
        {"type": "ping", "timestamp": "the last"},
        {"type": "get_metrics"},
        {"type": "configure", "config": {"vad_threshold": 0.5, "silence_duration": 1}},
        {"type": "config", "config": {"language": "de-DE"}},
        {"type": None},
        [1, [2, {"type": []}]],
        {"audio": [0] * 60},
        {"audio": "QUJD" * 60},
    ]
    texts = [json.dumps(one).encode() for one in said]
    return [*(b"a" + text for text in texts), *(b"b" + text for text in texts), b"a" + b"[" * 300]


def check(data: bytes) -> None:
    """The first byte chooses the dialect, the rest is the message."""
    codec = _CODECS[Dialect.B if data[:1] == b"b" else Dialect.A]
    body = data[1:]
    disguised = text_in_audio(body)
    assert disguised in {None, "JSON text", "base64 text"}, disguised
    assert codec.parse(body) == (Audio(body),)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return  # the protocol below has refused it
    codec.name_disguised_audio(text)
    try:
        (intent,) = codec.parse(text)
    except ContractError as refused:
        _check_refusal(refused)
        return
    if isinstance(intent, Reply):
        for answer in intent.texts:
            assert len(answer) <= len(text) * 6 + 4 * MAX_ECHO_CHARS
            json.loads(answer)


def _check_refusal(refused: ContractError) -> None:
    check_code(refused, _ALLOWED)
    assert len(refused.sentence) <= _LONGEST_SENTENCE, len(refused.sentence)
    said = refused.body().model_dump_json()
    assert json.loads(said)["error"] == refused.sentence


MESSAGES: Final = Target(
    name="messages",
    title="Control messages of both dialects",
    seeds=seeds,
    check=check,
)
