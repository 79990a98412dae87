"""Settings, and the logger that never tells them."""

import io
import json
import logging
import socket
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from app.asr import RivaSettings
from app.credentials.api_key import ApiKey
from app.gateway.settings.configuration import ConfigurationError, load_configuration, secret_values
from app.gateway.settings.gateway import (
    PREFIXES,
    GatewaySettings,
    LogFormat,
    LogLevel,
    RecognitionMode,
)
from app.gateway.telemetry.logs import configure_logging, get_logger
from app.redaction import Redactor
from app.secret_shapes import MASK
from tests.app.gateway.conftest import Log
from tests.app.gateway.settings.conftest import start

TOKEN = "made-up-token-000111222"
ROOT = Path(__file__).parents[4]


@pytest.mark.usefixtures("folder")
def test_the_defaults_are_complete() -> None:
    configuration = load_configuration()
    assert configuration.gateway.app_port == 8080
    assert configuration.gateway.max_message_bytes == 10 * 1024 * 1024
    assert configuration.gateway.auth_tokens() == ()


def test_every_problem_is_named_with_key_value_and_what_is_accepted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = folder / "cert.pem"
    certificate.write_text("x", encoding="utf-8")
    wrong = {
        "APP_PORT": "70000",
        "APP_SSL_CERT": str(certificate),
        "APP_AUTH_TOKENS": "short",
        "APP_AUTH_TOKENS_FILE": str(folder / "missing"),
        "WS_MAX_CONNECTIONS": "0",
        "WS_PING_INTERVAL_S": "soon",
        "AUDIO_SAMPLE_RATE": "4000",
        "AUDIO_RIVA_SAMPLE_RATE": "lots",
        "AUDIO_MAX_REALTIME_FACTOR": "0.5",
        "LOG_FORMAT": "xml",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_HEADERS": "no-value",
        "OTEL_RESOURCE_ATTRIBUTES": "blue",
        "OTEL_TRACES_SAMPLER_ARG": "1.5",
        "RIVA_PORT": "-1",
    }
    for key, value in wrong.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ConfigurationError) as refused:
        load_configuration()
    problems = refused.value.problems
    named = {problem.partition(" is ")[0] for problem in problems}
    assert named == {*wrong, "APP_SSL_KEY"} - {"APP_SSL_CERT"}
    assert all("; accepted: " in problem for problem in problems)
    assert "WS_MAX_CONNECTIONS is '0'; accepted: a whole number from 1 to 100000" in problems
    assert "short" not in str(refused.value)
    assert "no-value" not in str(refused.value)


def test_a_folder_called_env_is_somebodys_virtual_environment(folder: Path) -> None:
    (folder / ".env").mkdir()
    assert load_configuration().unknown == ()


def test_a_key_that_means_nothing_is_reported(folder: Path) -> None:
    (folder / ".env").write_text("WS_TLS_ENABLED=true\nLOG_LEVEL=debug\n", encoding="utf-8")
    configuration = load_configuration()
    assert configuration.unknown == ("WS_TLS_ENABLED",)
    assert configuration.gateway.log_level is LogLevel.DEBUG


def test_a_misspelt_key_is_reported_from_environment_and_file_with_the_one_that_was_meant(
    folder: Path, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    (folder / ".env").write_text("RIVA_ENDPIONTS=a:1\n", encoding="utf-8")
    monkeypatch.setenv("LOG_LEVLE", "debug")
    # The predecessor's, for its build scripts: no word of ours is near it.
    monkeypatch.setenv("RIVA_SERVICEMAKER_VERSION", "2.15.0")
    unknown = ("LOG_LEVLE", "RIVA_ENDPIONTS", "RIVA_SERVICEMAKER_VERSION")
    assert load_configuration().unknown == unknown
    monkeypatch.setenv("RIVA_PORT", "0")
    refused = start()
    assert refused.exit_code == 2
    assert refused.stderr.startswith("perch gateway: 1 setting cannot be used:\n  RIVA_PORT is '0'")
    assert refused.stderr.endswith(
        "\n  LOG_LEVLE means nothing here; did you mean LOG_LEVEL?"
        "\n  RIVA_ENDPIONTS means nothing here; did you mean RIVA_ENDPOINTS?"
        "\n  RIVA_SERVICEMAKER_VERSION means nothing here\n"
    )
    monkeypatch.delenv("RIVA_PORT")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("APP_HOST", "127.0.0.1")
        monkeypatch.setenv("APP_PORT", str(taken.getsockname()[1]))
        # The fixture's log, and not standard output.
        monkeypatch.setattr("app.gateway.__main__.configure_logging", lambda *_: None)
        assert start().exit_code == 1
    assert [(line["key"], line["did_you_mean"]) for line in log.lines if "key" in line] == [
        ("LOG_LEVLE", "LOG_LEVEL"),
        ("RIVA_ENDPIONTS", "RIVA_ENDPOINTS"),
        ("RIVA_SERVICEMAKER_VERSION", None),
    ]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("given_values", "named"),
    [
        ({"WS_MAX_MESSAGE_SIZE_MB": "big", "WS_BUFFER_MB": "1"}, ["WS_MAX_MESSAGE_SIZE_MB"]),
        ({"APP_MAX_UPLOAD_MB": "big", "APP_UPLOAD_SPOOL_MB": "1"}, ["APP_MAX_UPLOAD_MB"]),
        ({"APP_MAX_UPLOAD_S": "long", "APP_UPLOAD_AUDIO_S": "1"}, ["APP_MAX_UPLOAD_S"]),
        ({"APP_MAX_UPLOAD_MB": "64", "APP_UPLOAD_SPOOL_MB": "63"}, ["APP_UPLOAD_SPOOL_MB"]),
        ({"APP_MAX_UPLOAD_S": "64", "APP_UPLOAD_AUDIO_S": "63"}, ["APP_UPLOAD_AUDIO_S"]),
        ({"APP_SSL_CERT": "none", "APP_SSL_KEY": "here"}, ["APP_SSL_CERT"]),
        (
            {"APP_RECOGNITION": "fallback", "RIVA_FALLBACK_ENDPOINTS": "a"},
            ["RIVA_FALLBACK_ENDPOINTS"],
        ),
        ({"APP_RECOGNITION": "fallback", "APP_PORT": "x"}, ["APP_PORT", "APP_RECOGNITION"]),
        ({"APP_RECOGNITION": "fallback", "RIVA_PORT": "x"}, ["RIVA_PORT", "APP_RECOGNITION"]),
        ({"WS_BUFFER_MB": "1", "APP_PORT": "x"}, ["APP_PORT", "WS_BUFFER_MB"]),
    ],
)
def test_what_does_not_fit_together_is_named_where_each_part_is_right_by_itself(
    monkeypatch: pytest.MonkeyPatch, given_values: dict[str, str], named: list[str]
) -> None:
    Path("here").write_text("x", encoding="utf-8")
    for key, value in given_values.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(ConfigurationError) as refused:
        load_configuration()
    assert [problem.partition(" is ")[0] for problem in refused.value.problems] == named


def test_tokens_come_from_setting_and_file_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tokens").write_text("another-token-333444555\n\n", encoding="utf-8")
    monkeypatch.setenv("APP_AUTH_TOKENS", f"{TOKEN}, ")
    monkeypatch.setenv("APP_AUTH_TOKENS_FILE", str(folder / "tokens"))
    configuration = load_configuration()
    assert configuration.gateway.auth_tokens() == (TOKEN, "another-token-333444555")
    assert TOKEN in secret_values(configuration)
    assert TOKEN not in repr(configuration)


def test_a_certificate_that_is_none_is_refused_before_anything_starts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("APP_SSL_CERT", "APP_SSL_KEY"):
        (folder / key).write_text("no PEM", encoding="utf-8")
        monkeypatch.setenv(key, key)
    with pytest.raises(ConfigurationError, match="a PEM certificate chain that fits"):
        load_configuration()


@pytest.mark.usefixtures("folder")
def test_a_fallback_that_is_not_there_is_a_problem_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APP_RECOGNITION", "fallback")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration()
    assert refused.value.problems == (
        "APP_RECOGNITION is 'fallback'; accepted: on or off while RIVA_FALLBACK_ENDPOINTS is empty",
    )
    monkeypatch.setenv("RIVA_FALLBACK_ENDPOINTS", "127.0.0.1:1")
    assert load_configuration().gateway.app_recognition is RecognitionMode.FALLBACK


def test_resume_keys_come_from_setting_and_file_together_and_are_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old, oldest = ("k" * 32, "l" * 40, "m" * 32)
    (folder / "keys").write_text(f"{oldest}\n", encoding="utf-8")
    monkeypatch.setenv("APP_RESUME_KEYS", f"{new},{old}")
    monkeypatch.setenv("APP_RESUME_KEYS_FILE", "keys")
    configuration = load_configuration()
    assert configuration.gateway.resume_keys() == (new, old, oldest)
    assert {new, old, oldest} <= set(secret_values(configuration))
    assert new not in repr(configuration)


@pytest.mark.parametrize("content", ["", "k" * 31, f"{'k' * 32}\n{'é' * 32}"])
def test_a_resume_key_that_can_be_guessed_is_refused_and_not_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (folder / "keys").write_text(content, encoding="utf-8")
    monkeypatch.setenv("APP_RESUME_KEYS_FILE", "keys")
    monkeypatch.setenv("APP_RESUME_KEYS", "short-key-0123456789")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration()
    assert [problem.partition(" is ")[0] for problem in refused.value.problems] == [
        "APP_RESUME_KEYS",
        "APP_RESUME_KEYS_FILE",
    ]
    assert "short-key" not in str(refused.value)
    assert "kkk" not in str(refused.value)


@pytest.mark.usefixtures("folder")
def test_trusted_proxies_are_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRUSTED_PROXIES", "10.0.0.0/20, fd00::/8")
    networks = load_configuration().gateway.app_trusted_proxies
    assert [str(network) for network in networks] == ["10.0.0.0/20", "fd00::/8"]
    # Host bits are a slip of the pen: it would trust more than what stands there.
    monkeypatch.setenv("APP_TRUSTED_PROXIES", "10.0.0.1/20")
    with pytest.raises(ConfigurationError, match="APP_TRUSTED_PROXIES is "):
        load_configuration()


@pytest.mark.parametrize("content", ["", "\n,\n", "short\n"])
def test_a_token_file_that_would_open_the_door_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (folder / "tokens").write_text(content, encoding="utf-8")
    monkeypatch.setenv("APP_AUTH_TOKENS_FILE", "tokens")
    with pytest.raises(ConfigurationError, match="APP_AUTH_TOKENS_FILE is 'tokens'; accepted: "):
        load_configuration()


def test_the_example_file_names_every_key_with_its_default_and_no_other() -> None:
    example = dotenv_values(ROOT / ".env.example")
    fields = GatewaySettings.model_fields
    assert {key for key in example if key.startswith((*PREFIXES, "OTEL_"))} == {
        name.upper() for name in fields
    }
    given_values = {key.lower(): value for key, value in example.items() if value is not None}
    from_example = GatewaySettings.model_validate(
        {name: value for name, value in given_values.items() if name in fields}
    )
    defaults = GatewaySettings.model_validate({})
    assert from_example == defaults
    assert RivaSettings.model_fields


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_no_logger_can_forget_to_mask_a_secret() -> None:
    stream = io.StringIO()
    configure_logging(LogLevel.INFO, LogFormat.JSON, [TOKEN], stream)
    log = get_logger("test")
    log.info(
        "seen %s",
        TOKEN,
        authorization="Basic abc",
        headers={"Cookie": "a=b", "x": [f"Bearer {TOKEN}"]},
        url="wss://host/?token=anything&x=1",
        api_key=None,
        tokens=3,
    )
    logging.getLogger("some.library").warning("GET /?token=%s done", "whatever")
    try:
        int(TOKEN)
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert TOKEN not in text
    assert "anything" not in text
    assert "whatever" not in text
    assert "Basic" not in text
    first = lines(stream)[0]
    assert first["authorization"] == MASK
    assert first["tokens"] == 3
    assert first["url"] == f"wss://host/?token={MASK}&x=1"
    assert first["level"] == "info"
    assert str(first["timestamp"]).endswith("Z")


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=30),
    before=st.text(max_size=10),
    after=st.text(max_size=10),
)
def test_a_configured_secret_is_masked_wherever_it_stands(
    secret: str, before: str, after: str
) -> None:
    masked = Redactor([secret]).text(f"{before}{secret}{after}")
    assert secret not in masked.replace(MASK, "\0")


@given(
    before=st.text("ab _.=", max_size=10),
    chars=st.integers(1, 49),
    after=st.sampled_from(["", " ", "."]),
)
def test_an_api_key_is_masked_wherever_it_stands_also_one_that_is_cut_off_and_its_id_is_not(
    before: str, chars: int, after: str
) -> None:
    key = ApiKey.generate()
    shown = f"perch_{key.key_id}_"
    masked = Redactor().text(f"{before}{shown}{key.text[17 : 17 + chars]}{after}")
    assert masked == f"{Redactor().text(before)}{shown}{MASK}{after}"


def test_a_budget_too_small_for_a_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WS_BUFFER_MB", "19")
    with pytest.raises(ConfigurationError) as refused:
        load_configuration()
    (problem,) = refused.value.problems
    assert problem == (
        "WS_BUFFER_MB is '19.0'; accepted: at least 20, twice WS_MAX_MESSAGE_SIZE_MB: "
        "one client may have half of it"
    )
