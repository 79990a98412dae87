"""What traces are configured with, by OpenTelemetry's own names."""

from pathlib import Path

import pytest

from app.gateway.settings.configuration import (
    ConfigurationError,
    load_configuration,
    secret_values,
)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.usefixtures("folder")
def test_there_are_none_unless_there_is_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not load_configuration().gateway.has_traces
    monkeypatch.setenv(ENDPOINT, "http://collector:4318/")
    found = load_configuration().gateway
    assert found.has_traces
    assert found.otel_exporter_otlp_endpoint == "http://collector:4318"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not load_configuration().gateway.has_traces


@pytest.mark.usefixtures("folder")
def test_lists_are_read_as_opentelemetry_writes_them_and_headers_are_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%2Cb%3D1, x-tenant = 7 ")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "perch.colour=blue,team=a%20b")
    configuration = load_configuration()
    found = configuration.gateway
    assert found.trace_headers() == {"api-key": "a,b=1", "x-tenant": "7"}
    assert found.trace_attributes() == {"perch.colour": "blue", "team": "a b"}
    assert "a,b=1" in secret_values(configuration)
    assert "api-key" not in repr(found)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "address",
    [
        "collector:4318",
        "ftp://collector",
        "http://",
        "http://me:word@collector:4318",  # pragma: allowlist secret
        "http://collector:99999",
        "http://collector?key=1",
    ],
)
def test_what_is_no_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, address)
    with pytest.raises(ConfigurationError, match=f"{ENDPOINT} is .*; accepted: empty for no"):
        load_configuration()


@pytest.mark.usefixtures("folder")
def test_grpc_takes_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "https://collector/otlp")
    assert load_configuration().gateway.has_traces
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigurationError, match=f"{ENDPOINT} is .* without a path while"):
        load_configuration()


@pytest.mark.usefixtures("folder")
def test_without_the_library_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.gateway.settings.traces._LIBRARY", "opentelemetry.not_installed")
    assert not load_configuration().gateway.has_traces
    monkeypatch.setenv(ENDPOINT, "http://collector:4318")
    with pytest.raises(ConfigurationError, match=r"accepted: empty while .*'perch\[traces\]'"):
        load_configuration()


def test_a_file_of_settings_turns_them_on(folder: Path) -> None:
    (folder / ".env").write_text(f"{ENDPOINT}=http://localhost:4318\n", encoding="utf-8")
    configuration = load_configuration()
    assert configuration.gateway.has_traces
    assert configuration.unknown == ()
