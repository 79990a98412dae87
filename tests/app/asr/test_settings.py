"""The settings: what is accepted; whatever is wrong is said at once and without a secret."""

# ruff: noqa: ANN401 - values of every type are handed over on purpose

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr import RivaSettings, SettingsError
from tests.support.certificates import pair_in, put

# facts about the predecessor: the keys its users have in their .env files
LEGACY_KEYS = {
    "RIVA_HOST": "riva.internal",
    "RIVA_PORT": "50052",
    "RIVA_SSL": "true",
    "RIVA_SSL_CERT": "",
    "RIVA_API_KEY": "made-up",  # pragma: allowlist secret
    "RIVA_MODEL": "some-model",
    "RIVA_LANGUAGE_CODE": "de-DE",
    "RIVA_ENABLE_AUTOMATIC_PUNCTUATION": "false",
    "RIVA_ENABLE_WORD_TIME_OFFSETS": "false",
    "RIVA_TIMEOUT_MS": "4000",
    "RIVA_MAX_RETRIES": "2",
    "RIVA_RETRY_DELAY_MS": "500",
    "RIVA_MAX_BATCH_SIZE": "4",
    "RIVA_CHUNK_SIZE_BYTES": "4096",
    "RIVA_ENABLE_PARTIAL_RESULTS": "false",
    "RIVA_PARTIAL_RESULT_INTERVAL_MS": "300",
}


def problems(**values: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        RivaSettings(_env_file=None, **values)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_the_defaults_stand_by_themselves() -> None:
    settings = RivaSettings(_env_file=None)
    assert settings.target == "localhost:50051"
    assert settings.ready_url == "http://localhost:9000/v1/health/ready"
    assert settings.partial_result_interval_ms == 0


def test_every_key_of_the_predecessor_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in LEGACY_KEYS.items():
        monkeypatch.setenv(key, value)
    settings = RivaSettings(_env_file=None)
    read = {key: getattr(settings, key.removeprefix("RIVA_").lower()) for key in LEGACY_KEYS}
    assert read.pop("RIVA_API_KEY").get_secret_value() == "made-up"
    assert read.pop("RIVA_SSL_CERT") is None
    assert {key: str(value).lower() for key, value in read.items()} == {
        key: LEGACY_KEYS[key].lower() for key in read
    }


def test_an_env_file_is_read_with_its_quotes_and_comments(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        'RIVA_HOST="riva.internal"  # the GPU machine\nRIVA_PORT=50052\nOTHER_KEY=1\n'
        "RIVA_CUSTOM_CONFIGURATION=neural_vad.onset:0.85, neural_vad.offset:0.3\n"
        "RIVA_ENDPOINTING_STOP_HISTORY_MS=\n"
    )
    settings = RivaSettings(_env_file=file)
    assert settings.target == "riva.internal:50052"
    assert settings.custom_configuration == {"neural_vad.onset": "0.85", "neural_vad.offset": "0.3"}
    assert settings.endpointing_stop_history_ms is None


def test_every_problem_is_reported_at_once_with_key_value_and_what_is_accepted() -> None:
    found = problems(
        host="two words",
        port=0,
        api_key="has spaces in it",  # pragma: allowlist secret
        chunk_size_bytes=321,
        language_code="English!",
        ssl_cert="/no/such/file",
        max_retries="many",
        custom_configuration="a:b,c",
    )
    assert sorted(found) == [
        "RIVA_API_KEY",
        "RIVA_CHUNK_SIZE_BYTES",
        "RIVA_CUSTOM_CONFIGURATION",
        "RIVA_HOST",
        "RIVA_LANGUAGE_CODE",
        "RIVA_MAX_RETRIES",
        "RIVA_PORT",
        "RIVA_SSL_CERT",
    ]
    assert found["RIVA_PORT"] == "RIVA_PORT is 0; accepted: gRPC port, 1 to 65535"
    assert "'two words'" in found["RIVA_HOST"]
    assert "321" in found["RIVA_CHUNK_SIZE_BYTES"]
    assert "even" in found["RIVA_CHUNK_SIZE_BYTES"]
    assert "spaces in it" not in "".join(found.values())


@pytest.mark.parametrize(
    "host",
    [
        "riva:50051",
        "http://riva",
        "grpc://riva:50051",
        "riva/",
        "riva.internal:",
        "10.0.0.1:50051",
        "[::1]",
        "[::1]:50051",
        "user@riva",
        "a b",
        "",
        "rïva",
    ],
)
def test_a_host_with_more_than_a_host_in_it_is_refused_with_where_the_rest_stands(
    host: str,
) -> None:
    told = problems(host=host)
    assert told == {
        "RIVA_HOST": f"RIVA_HOST is {host!r}; accepted: host name or address of the recogniser "
        "alone, without a scheme, a port, a slash or brackets; the gRPC port stands in RIVA_PORT, "
        "TLS in RIVA_SSL"
    }
    for key in ("endpoints", "fallback_endpoints"):
        if host:
            assert set(problems(**{key: f"{host}/"})) == {f"RIVA_{key.upper()}"}
            assert set(problems(**{key: f"http://{host}"})) == {f"RIVA_{key.upper()}"}
    if host:
        assert set(problems(ssl_server_name=host)) == {"RIVA_SSL_SERVER_NAME"}


@pytest.mark.parametrize("host", ["riva", "riva.internal.", "10.0.0.1", "::1", "fd00::7", "a_b-c"])
def test_a_name_and_an_address_are_hosts(host: str) -> None:
    assert RivaSettings(_env_file=None, host=host).host == host


def test_a_key_that_is_not_even_text_is_masked_too() -> None:
    assert problems(api_key=1234567890)["RIVA_API_KEY"].startswith("RIVA_API_KEY is ********;")


def test_a_key_over_an_open_line_is_refused_unless_it_stays_on_the_machine() -> None:
    told = problems(host="riva.internal", api_key="made-up")  # pragma: allowlist secret
    assert "RIVA_SSL" in told["RIVA_API_KEY"]
    for host in ("localhost", "127.0.0.1", "::1"):
        RivaSettings(_env_file=None, host=host, api_key="made-up")  # pragma: allowlist secret
    RivaSettings(
        _env_file=None,
        host="riva.internal",
        ssl=True,
        api_key="made-up",  # pragma: allowlist secret
    )  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("ssl", "fallback_ssl", "kept"),
    [(True, None, True), (True, False, False), (False, True, True), (False, None, False)],
)
def test_a_key_is_refused_if_the_way_to_the_fallback_is_open(
    *, ssl: bool, fallback_ssl: bool | None, kept: bool
) -> None:
    values: dict[str, Any] = {
        "ssl": ssl,
        "fallback_ssl": fallback_ssl,
        "fallback_endpoints": "old-riva.internal:50051",
        "api_key": "made-up",  # pragma: allowlist secret
    }
    if kept:
        assert RivaSettings(_env_file=None, **values).of_fallback.ssl
    else:
        assert set(problems(**values)) == {"RIVA_API_KEY"}


def test_certificate_files_must_be_readable_and_come_in_pairs(tmp_path: Path) -> None:
    pair = pair_in(tmp_path, "client")
    put(pair, trustme.CA().issue_cert("gateway.internal"))
    assert "readable" in problems(ssl=True, ssl_cert=tmp_path)["RIVA_SSL_CERT"]
    assert "RIVA_SSL_CLIENT_KEY" in problems(ssl=True, ssl_client_cert=pair.certificate)
    assert "RIVA_SSL_CLIENT_CERT" in problems(ssl=True, ssl_client_key=pair.key)
    assert "neither RIVA_SSL nor" in problems(ssl_cert=pair.certificate)["RIVA_SSL_CERT"]
    RivaSettings(_env_file=None, fallback_ssl=True, ssl_cert=pair.certificate)
    both: dict[str, Any] = {"ssl_client_cert": pair.certificate, "ssl_client_key": pair.key}
    RivaSettings(_env_file=None, ssl=True, **both)


def test_certificate_files_must_make_sense_before_anything_starts(tmp_path: Path) -> None:
    pair, other = pair_in(tmp_path, "client"), pair_in(tmp_path, "other")
    authority = trustme.CA()
    for one in (pair, other):
        put(one, authority.issue_cert("gateway.internal"))
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("made-up")
    found = problems(
        ssl=True, ssl_cert=nonsense, ssl_client_cert=pair.certificate, ssl_client_key=other.key
    )
    assert "(it holds no certificate in PEM that can be read)" in found["RIVA_SSL_CERT"]
    assert "(certificate and key do not fit each other)" in found["RIVA_SSL_CLIENT_CERT"]
    found = problems(ssl=True, ssl_client_cert=pair.certificate, ssl_client_key=nonsense)
    assert "read without a password" in found["RIVA_SSL_CLIENT_CERT"]


FILE_OF_KEY = "RIVA_API_KEY_FILE"


def test_a_file_of_the_key_has_one_beside_no_other_and_nobody_overhears_it(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("made-up-key\n")
    RivaSettings(_env_file=None, api_key_file=key)
    RivaSettings(_env_file=None, host="riva.example.org", ssl=True, api_key_file=key)
    assert "RIVA_SSL is true" in problems(host="riva.example.org", api_key_file=key)[FILE_OF_KEY]
    both = {"api_key": "another", "api_key_file": key}  # pragma: allowlist secret
    assert "not with RIVA_API_KEY" in problems(**both)[FILE_OF_KEY]
    for content, reason in (
        ("", "nothing stands in the file"),
        ("made up", "it has characters that a header cannot carry"),
        ("made\nup", "it has characters that a header cannot carry"),
    ):
        key.write_text(content)
        assert f"({reason})" in problems(api_key_file=key)[FILE_OF_KEY]
    assert "made" not in problems(api_key_file=key)[FILE_OF_KEY].replace(str(key), "")
    key.unlink()
    assert "(No such file or directory)" in problems(api_key_file=key)[FILE_OF_KEY]


def test_numbers_that_do_not_fit_together_are_named() -> None:
    found = problems(
        endpointing_stop_history_ms=400,
        endpointing_stop_history_eou_ms=400,
        chunk_size_bytes=100_000,
        max_message_bytes=70_000,
        endpoint_streams=200,
        channels=2,
    )
    assert sorted(found) == [
        "RIVA_CHUNK_SIZE_BYTES",
        "RIVA_ENDPOINTING_STOP_HISTORY_EOU_MS",
        "RIVA_ENDPOINT_STREAMS",
    ]
    assert "(180)" in found["RIVA_ENDPOINT_STREAMS"]


def test_an_ipv6_host_is_put_in_brackets_and_the_http_scheme_can_differ() -> None:
    settings = RivaSettings(_env_file=None, host="::1", ssl=True, http_ssl=False)
    assert settings.target == "[::1]:50051"
    assert settings.ready_url == "http://[::1]:9000/v1/health/ready"
    assert RivaSettings(_env_file=None, ssl=True).ready_url == (
        "https://localhost:9000/v1/health/ready"
    )
    assert RivaSettings(_env_file=None, http_port=0).ready_url is None


RAW = st.one_of(
    st.text(max_size=20),
    st.integers(min_value=-(10**12), max_value=10**12).map(str),
    st.floats().map(str),
    st.sampled_from(["", "true", "no", "a:b", ",", ":", "en-US", "::1", "0x10", "1e3"]),
)


@given(
    values=st.dictionaries(
        st.sampled_from(sorted(set(RivaSettings.model_fields) - {"api_key"})), RAW, max_size=6
    ),
    # Marked, so that it cannot be found in another value by chance.
    key=st.text(alphabet="ABC0 \n", min_size=1).map(lambda text: f"<secret {text}>"),
)
@settings(deadline=None)
def test_any_text_is_either_accepted_or_named_and_the_secret_never_shows(
    values: dict[str, str], key: str
) -> None:
    shown = attempt(values, key)
    assert key not in shown


def attempt(values: dict[str, str], key: str) -> str:
    """Tries the settings; everything that could be printed about the outcome."""
    allowed = {f"RIVA_{name.upper()}" for name in (*values, "api_key")} | {
        # named when they do not fit together with one that was given
        "RIVA_SSL_CLIENT_CERT",
        "RIVA_SSL_CLIENT_KEY",
        "RIVA_CHUNK_SIZE_BYTES",
        "RIVA_ENDPOINTING_STOP_HISTORY_EOU_MS",
        "RIVA_ENDPOINT_STREAMS",
    }
    try:
        return repr(RivaSettings(_env_file=None, **values, api_key=key))  # type: ignore[arg-type]  # raw text, as from the environment
    except SettingsError as error:
        problems = error.problems
        trace = "".join(traceback.format_exception(error))
    assert problems
    assert {problem.key for problem in problems} <= allowed
    assert all(problem.accepted for problem in problems)
    return trace


def test_the_example_file_lists_every_key_with_its_default() -> None:
    example = Path(__file__).parents[3] / ".env.example"
    pairs = (line.partition("=") for line in example.read_text().splitlines())
    listed = {key: value for key, equals, value in pairs if key.startswith("RIVA_") and equals}
    assert set(listed) == {f"RIVA_{name.upper()}" for name in RivaSettings.model_fields}
    values = {key.removeprefix("RIVA_").lower(): value for key, value in listed.items()}
    assert RivaSettings(_env_file=None, **values) == RivaSettings(_env_file=None)  # type: ignore[arg-type]  # raw text, as from the file


@pytest.mark.parametrize(
    "values",
    [
        {"ssl": "maybe", "ssl_cert": "/no/such/file"},
        {"channels": "some", "endpoint_streams": 1441},
        {"max_streams_per_channel": 0, "endpoint_streams": 1441},
        {"max_message_bytes": 1, "chunk_size_bytes": 4_000_000},
        {"endpointing_stop_history_ms": 0, "endpointing_stop_history_eou_ms": 60_000},
        {"host": "two words", "api_key": "made-up"},  # pragma: allowlist secret
        {"ssl": "x", "host": "riva.internal", "api_key": "made-up"},  # pragma: allowlist secret
    ],
)
def test_nothing_is_said_about_a_value_that_stands_for_one_that_could_not_be_read(
    values: dict[str, Any],
) -> None:
    assert list(problems(**values)) == [f"RIVA_{next(iter(values)).upper()}"]
