"""The command line of the gateway: what is refused, and what wins over what."""

import json
import logging
import socket
from pathlib import Path

import pytest

from app.gateway.settings.configuration import load_configuration
from tests.app.gateway.settings.conftest import start


def test_the_program_names_every_wrong_setting_and_exits_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("WS_MAX_CONNECTIONS=many\nRIVA_PORT=0\n", encoding="utf-8")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    refused = start()
    assert refused.exit_code == 2
    text = refused.stderr
    assert text.startswith("perch gateway: 3 settings cannot be used:\n")
    assert "  WS_MAX_CONNECTIONS is 'many'; accepted: a whole number from 1 to 100000\n" in text
    assert "  LOG_LEVEL is 'LOUD'; accepted: DEBUG, INFO, WARNING or ERROR\n" in text
    assert "  RIVA_PORT is '0'; accepted: " in text


@pytest.mark.usefixtures("folder")
def test_a_taken_port_is_one_sentence_and_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("APP_HOST", "127.0.0.1")
        monkeypatch.setenv("APP_PORT", str(port))
        refused = start()
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"perch gateway: cannot listen on 127.0.0.1:{port} (Address already in use); "
        "set APP_HOST or APP_PORT to another\n"
    )


@pytest.mark.usefixtures("folder")
def test_a_key_that_means_nothing_is_a_warning_of_the_program_and_no_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("APP_HOST", "127.0.0.1")
        monkeypatch.setenv("APP_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("APP_PROT", "8080")
        # It goes as far as listening, which ends it here.
        assert start().exit_code == 1
    # Lines are written by a thread, which this waits for.
    logging.getLogger().handlers[0].close()
    (said,) = [line for line in capfd.readouterr().out.splitlines() if "means nothing" in line]
    line = json.loads(said)
    assert (line["logger"], line["level"]) == ("app.gateway", "warning")
    assert (line["key"], line["did_you_mean"]) == ("APP_PROT", "APP_PORT")


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the mark that Notepad puts before a text.
    (folder / "mine.env").write_text(
        "APP_HOST=10.0.0.1\nAPP_PORT=1\nAPP_ANONYMOUS=allowed\nWS_FRAME_MS=20\nRIVA_PORT=7\n",
        encoding="utf-8-sig",
    )
    (folder / ".env").write_text("LOG_LEVEL=LOUD\n", encoding="utf-8")
    monkeypatch.setenv("APP_HOST", "10.0.0.2")
    monkeypatch.setenv("APP_PORT", "2")
    monkeypatch.setenv("APP_GRPC_PORT", "5")
    read = load_configuration(file=Path("mine.env"), port=3, grpc_port=4)
    assert (read.gateway.app_host, read.gateway.app_port) == ("10.0.0.2", 3)
    assert read.gateway.app_grpc_port == 4
    assert (read.gateway.ws_frame_ms, read.riva.port) == (20, 7)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = start("--host", "127.0.0.1", "--port", port, "--env-file", "mine.env")
    assert refused.stderr.startswith(f"perch gateway: cannot listen on 127.0.0.1:{port} (Address")


@pytest.mark.usefixtures("folder")
def test_what_an_option_set_is_called_by_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_HOST", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert start("--port", port).stderr.endswith("; set APP_HOST or --port to another\n")
        both = start("--host", "127.0.0.1", "--port", port)
        third = start("--port", "0", "--grpc-port", port)
    assert both.stderr.endswith("; set --host or --port to another\n")
    assert third.stderr.endswith("; set APP_HOST or --grpc-port to another\n")
    refused = start("--host", "")
    assert refused.exit_code == 2
    assert "  --host is ''; accepted: an address or a name to listen on; " in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "LOG_LEVEL=INFO\nAPP_RIVA_LABEL=Käfig\n".encode("latin-1"),
            ".env line 2 is not UTF-8 (byte 0xe4); accepted: text, saved as UTF-8",
        ),
        (
            "LOG_LEVEL=INFO\n".encode("utf-16"),
            ".env line 1 is not UTF-8 (byte 0xff); accepted: text, saved as UTF-8",
        ),
        (
            b"LOG_LEVEL=INFO\n\nAPP_HOST=a\0b\n",
            ".env line 3 holds a NUL character; accepted: text without any",
        ),
    ],
    ids=["latin-1", "utf-16", "nul"],
)
def test_a_file_that_is_no_text_is_refused_with_its_line_and_not_its_content(
    folder: Path, content: bytes, said: str
) -> None:
    (folder / ".env").write_bytes(content)
    refused = start()
    assert refused.exit_code == 2
    assert refused.stderr == f"perch gateway: 1 setting cannot be used:\n  {said}\n"


def test_a_file_that_was_asked_for_must_be_there_and_a_file(folder: Path) -> None:
    (folder / "folder").mkdir()
    for name, said in (
        ("none", "none cannot be read (No such file or directory); accepted: a readable file"),
        ("folder", "folder is no regular file; accepted: a text file of lines KEY=value"),
        ("/dev/zero", "/dev/zero is no regular file; accepted: a text file of lines KEY=value"),
    ):
        refused = start("--env-file", name)
        assert refused.exit_code == 2
        assert f"\n  {said}" in refused.stderr
