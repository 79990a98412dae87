"""What clients of every release compare: numbers and words that must stay as they are."""

from app.contract import CLIENT_MESSAGES, ERRORS, CloseCode, ErrorCode, WarningCode, limits

ERROR_TABLE = """
invalid_json                 no   -    -     -
unknown_message_type         no   -    -     -
invalid_message              no   -    -     -
session_active               no   -    -     -
no_active_session            no   -    -     -
audio_before_start           no   -    -     -
asr_unavailable              yes  503  -     5
asr_rejected                 no   400  -     -
asr_failed                   yes  502  1011  1
asr_overloaded               yes  503  1013  10
asr_stalled                  yes  504  1013  5
invalid_utf8                 no   -    1007  -
protocol_error               no   -    1002  -
message_too_big              no   -    1009  -
message_timeout              yes  -    1008  -
buffers_full                 yes  -    1013  5
rate_limited                 yes  -    1008  1
idle_timeout                 yes  -    1008  -
session_too_long             yes  -    1008  -
slow_reader                  yes  -    1008  -
going_away                   yes  -    1001  1
drain_deadline               yes  -    1012  1
internal_error               yes  500  1011  1
unauthorized                 no   401  1008  -
forbidden_origin             no   403  -     -
insufficient_scope           no   403  -     -
identity_unavailable         yes  503  -     5
misdirected_request          no   421  -     -
too_many_connections         yes  503  -     5
too_many_sessions            yes  503  -     5
draining                     yes  503  -     1
bad_request                  no   400  -     -
not_found                    no   404  -     -
model_not_found              no   404  -     -
method_not_allowed           no   405  -     -
upgrade_required             no   426  -     -
headers_too_large            no   431  -     -
upload_too_big               no   413  -     -
unsupported_audio            no   415  -     -
resume_rejected              no   -    -     -
recognition_off              yes  503  1013  30
too_many_client_sessions     yes  429  -     5
too_many_client_connections  yes  429  -     5
too_many_new_sessions        yes  429  -     5
too_many_resumes             yes  -    -     5
superseded                   no   -    1008  -
waiting_room_full            yes  503  -     5
upload_too_slow              yes  408  -     1
too_many_uploads             yes  503  -     5
too_many_client_uploads      yes  429  -     5
too_many_tokens              yes  429  -     1
model_not_allowed            no   403  -     -
"""
"""Code; whether to try again; HTTP status; close code; seconds to wait."""


def test_every_error_keeps_its_code_its_statuses_and_its_wait() -> None:
    told = []
    for code in ErrorCode:
        spec = ERRORS[code]
        wait = None if spec.retry_after_s is None else f"{spec.retry_after_s:g}"
        close = None if spec.close_code is None else int(spec.close_code)
        numbers = [number or "-" for number in (spec.http_status, close, wait)]
        told.append([code.value, "yes" if spec.retryable else "no", *map(str, numbers)])
    assert told == [line.split() for line in ERROR_TABLE.split("\n") if line]


def test_every_close_code_is_the_one_that_the_registry_has() -> None:
    assert {code.name: code.value for code in CloseCode} == {
        "NORMAL": 1000,
        "GOING_AWAY": 1001,
        "PROTOCOL_ERROR": 1002,
        "INVALID_DATA": 1007,
        "POLICY": 1008,
        "TOO_BIG": 1009,
        "INTERNAL": 1011,
        "RESTART": 1012,
        "TRY_LATER": 1013,
    }


def test_every_warning_and_message_keeps_its_word() -> None:
    assert " ".join(WarningCode) == (
        "half_sample not_samples session_ending idle going_away unknown_message_type "
        "recogniser_lost recogniser_back recognition_moved"
    )
    assert {dialect.value: " ".join(messages) for dialect, messages in CLIENT_MESSAGES.items()} == {
        "a": "start_transcription finalize stop_transcription ping get_metrics",
        "b": "start_recording finalize stop_recording end configure config ping",
    }


def test_what_both_sides_count_with_is_what_was_agreed() -> None:
    agreed = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert agreed == {
        "MIN_SAMPLE_RATE_HZ": 8_000,
        "MAX_SAMPLE_RATE_HZ": 48_000,
        "DEFAULT_SAMPLE_RATE_HZ": 16_000,
        "MAX_HOTWORDS": 500,
        "MAX_HOTWORD_CHARS": 100,
        "MAX_HOTWORD_BOOST": 100.0,
        "MAX_ENDPOINTING_MS": 60_000,
        "MAX_NAME_CHARS": 128,
        "MAX_CONTROL_BYTES": 65_536,
        "MAX_ECHO_CHARS": 80,
        "MIN_HEARTBEAT_S": 0.5,
        "MAX_HEARTBEAT_S": 60.0,
        "DEFAULT_HEARTBEAT_S": 5.0,
        "MAX_RESUME_TOKEN_CHARS": 2048,
        "MIN_WAIT_S": 1.0,
        "MAX_WAIT_S": 300.0,
        "SUPPORTED_SAMPLE_RATES_HZ": (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        "BYTES_PER_SAMPLE": {"pcm16": 2, "float32": 4},
        "SUPPORTED_ENCODINGS": ("pcm16", "float32"),
        "SUPPORTED_CHANNELS": (1, 2),
        "PATH_A": "/ws",
        "PATH_B": "/ws/transcribe",
        "PATH_TOKENS": "/v1/tokens",
        "MIN_TOKEN_TTL_S": 1.0,
        "MAX_TOKEN_TTL_S": 600.0,
        "DEFAULT_TOKEN_TTL_S": 60.0,
        "MAX_TOKEN_SESSION_S": 86_400.0,
        "MAX_TOKEN_REQUEST_BYTES": 4096,
        "MAX_ORIGIN_CHARS": 280,
        "SERVICE": "perch",
        "PROTOCOL_VERSION_A": "1.1",
        "PROTOCOL_VERSION_B": "1.0",
    }
