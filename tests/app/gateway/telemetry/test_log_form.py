"""Logs are text for people on a terminal, and JSON wherever else they go."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

CASES = {
    "terminal": {"TERM": "xterm"},
    "terminal without colours": {"TERM": "xterm", "NO_COLOR": "1"},
    "terminal, json asked for": {"TERM": "xterm", "LOG_FORMAT": "json"},
    "pipe": {},
    "pipe, console asked for": {"LOG_FORMAT": "console"},
}
"""Where standard output goes -> the environment."""

SPEAKS = """
import json, logging, os, sys
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import configure_logging, get_logger

for descriptor, environment in json.loads(sys.argv[1]):
    os.dup2(descriptor, 1)
    os.environ.clear()
    os.environ.update(environment)
    settings = GatewaySettings(_env_file=None)
    configure_logging(settings.log_level, settings.log_format, ["a-secret-of-ours"])
    get_logger("speaker").info("stream started", stream_id="s-1", detail="a-secret-of-ours")
    logging.getLogger().handlers[0].close()
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What one program says in each case, to a real pseudo-terminal or pipe."""
    opened = {case: os.openpty() if "terminal" in case else os.pipe() for case in CASES}
    told = [(opened[case][1], environment) for case, environment in CASES.items()]
    try:
        subprocess.run(
            [sys.executable, "-P", "-c", SPEAKS, json.dumps(told)],
            cwd=tmp_path_factory.mktemp("empty"),
            pass_fds=[descriptor for descriptor, _ in told],
            env={},
            check=True,
            timeout=60,
        )
        yield {case: os.read(ours, 65_536).decode() for case, (ours, _) in opened.items()}
    finally:
        for pair in opened.values():
            for descriptor in pair:
                os.close(descriptor)


def test_a_terminal_gets_text_for_people(lines: dict[str, str]) -> None:
    coloured, plain = lines["terminal"], lines["terminal without colours"]
    assert "stream started" in plain
    assert "stream_id=s-1" in plain
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain


def test_a_collector_gets_json(lines: dict[str, str]) -> None:
    line = json.loads(lines["pipe"])
    assert (line["event"], line["stream_id"]) == ("stream started", "s-1")


def test_what_is_asked_for_wins_over_both(lines: dict[str, str]) -> None:
    assert json.loads(lines["terminal, json asked for"])["stream_id"] == "s-1"
    assert "stream_id=s-1" in lines["pipe, console asked for"]
    assert "\x1b[" not in lines["pipe, console asked for"]


def test_a_secret_is_masked_in_every_form(lines: dict[str, str]) -> None:
    assert [case for case, line in lines.items() if "a-secret-of-ours" in line] == []
