"""What `perch transcribe` shows and refuses. Speech through a whole stack is in test_up."""

import errno
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from app.client import (
    Partial,
    Queued,
    Reconnected,
    Transcription,
    WarningA,
)
from app.contract.fields import WordTiming
from ops.cli import main
from ops.smoke.recording import DEFAULT
from ops.transcribe import command as transcribe
from ops.transcribe.screen import Screen

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def partial(text: str) -> Partial:
    return Partial(segment_id=0, text=text, timestamp=NOW, processing_time_ms=1)


def final(text: str) -> Transcription:
    return Transcription(
        segment_id=0, text=text, timestamp=NOW, processing_time_ms=1, words=[], confidence=None
    )


def test_on_a_terminal_interims_replace_each_other_and_the_final_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    screen = Screen(live=True, quiet=False)
    for event in (partial("good"), partial("good morning all"), final(" Good morning. ")):
        screen.show(event)
    shown = capsys.readouterr().out
    assert shown == (
        "\r\x1b[2mgood\x1b[0m\x1b[K\r\x1b[2m…rning all\x1b[0m\x1b[K\r\x1b[KGood morning.\n"
    )


def test_in_a_pipe_only_finals_are_printed_and_warnings_go_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(live=False, quiet=False)
    warning = WarningA(warning="the session ends soon", code="max_duration", timestamp=NOW)
    for event in (partial("good"), warning, final("Good."), final(""), final("Morning.")):
        screen.show(event)
    shown = capsys.readouterr()
    assert shown.out == "Good.\nMorning.\n"
    assert shown.err == "perch: the session ends soon\n"
    assert screen.text == "Good. Morning."


def test_a_break_and_a_place_in_the_waiting_room_are_said_beside_the_transcript(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(live=False, quiet=False)
    healed = Reconnected(
        outage_s=1.25, replayed_s=3.5, position=7.0, segment_id=2, reason="it was gone"
    )
    for event in (Queued(timestamp=NOW, place=2, seconds_left=30), healed, final("Good.")):
        screen.show(event)
    shown = capsys.readouterr()
    assert shown.out == "Good.\n"
    assert shown.err.splitlines() == [
        "perch: all sessions are in use; place 2 in the waiting room, 30 s left",
        "perch: connected again after 1.2 s; 3.5 s of sound are sent again (it was gone)",
    ]
    assert json.loads(transcribe._as_json(screen, 9.0))["reconnects"] == [
        {
            "outage_s": 1.25,
            "replayed_s": 3.5,
            "position": 7.0,
            "segment_id": 2,
            "reason": "it was gone",
            "type": "reconnected",
        }
    ]


def test_the_json_is_all_that_was_heard_and_nothing_else() -> None:
    screen = Screen(live=False, quiet=True)
    spoken = Transcription(
        segment_id=3,
        text=" Grüß Gott. ",
        timestamp=NOW,
        processing_time_ms=1,
        words=[WordTiming(word="Grüß", start=0.25, end=0.5, confidence=0.75, speaker=1)],
        confidence=0.5,
        languages=["de-DE"],
    )
    for event in (partial("gr"), spoken, final("")):
        screen.show(event)
    screen.warn(["it is short"], "a.wav")
    word = {"word": "Grüß", "start": 0.25, "end": 0.5, "confidence": 0.75, "speaker": 1}
    said = transcribe._as_json(screen, 1.5)
    assert json.loads(said) == {
        "text": "Grüß Gott.",
        "audio_seconds": 1.5,
        "finals": [
            {
                "segment_id": 3,
                "text": " Grüß Gott. ",
                "words": [word],
                "confidence": 0.5,
                "languages": ["de-DE"],
            },
            {"segment_id": 0, "text": "", "words": [], "confidence": None, "languages": []},
        ],
        "reconnects": [],
        "warnings": ["it is short"],
    }
    # ASCII, as every terminal and every pipe takes it, and for people, too.
    assert said.isascii()
    assert said.startswith('{\n  "text": ')


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["missing.wav"], 2, "perch: there is no file missing.wav; - reads standard input\n"),
        ([str(DEFAULT), "--url", "https://x"], 2, "perch: url is https://x; accepted: ws://"),
        ([str(DEFAULT), "--url", "ws://127.0.0.1:9"], 1, "perch: cannot connect to ws://127"),
        (
            [str(DEFAULT), "--url", "https://x"],
            2,
            (
                "perch: url is https://x; accepted: ws://host... or "
                "wss://host...; perhaps wss://x/ws is meant\n"
            ),
        ),
        (
            [str(DEFAULT), "--language", "en_US"],
            2,
            (
                'perch: --language is "en_US"; accepted: a BCP 47 '
                "language tag such as en-US; perhaps en-US is meant\n"
            ),
        ),
        ([str(DEFAULT), "--language", ""], 2, 'perch: --language is ""; accepted: a BCP 47'),
        (
            [str(DEFAULT), "--model", "my model"],
            2,
            'perch: --model is "my model"; accepted: letters',
        ),
        ([str(DEFAULT), "--model", ""], 2, 'perch: --model is ""; accepted: letters'),
        (
            [str(DEFAULT), "--hotword", ""],
            2,
            'perch: --hotword is ""; accepted: a text of 1 to 100',
        ),
        (
            [str(DEFAULT), "--hotword", "caf\udce9"],
            2,
            "perch: an option holds '\\udce9', which is no ",
        ),
        (
            [str(DEFAULT), "--token-file", "/dev/null"],
            2,
            "perch: --token-file /dev/null is empty; it",
        ),
        (
            [str(DEFAULT), "--url", "wss://x", "--ca", "/none"],
            2,
            "perch: ca is /none; accepted: a ",
        ),
        (
            [str(DEFAULT), "--url", "wss://x", "--ca", __file__],
            2,
            f"perch: ca is {__file__}; accepted",
        ),
        ([f"{'a' * 300}.wav"], 2, f"perch: {'a' * 300}.wav cannot be read: File name too long\n"),
        (["."], 2, "perch: . is a folder; name a recording in it\n"),
        ([__file__, "--url", "ws://127.0.0.1:9"], 2, f"perch: {__file__} cannot be decoded; "),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: list[str], code: int, sentence: str
) -> None:
    failed = CliRunner().invoke(transcribe.command, arguments)
    assert failed.exit_code == code
    assert failed.stderr.startswith(sentence)
    assert failed.stderr.count("\n") == 1


def test_a_transcript_that_nobody_reads_is_no_fault_of_the_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nobody_reads(*_: object, **__: object) -> float:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(transcribe, "_run", nobody_reads)
    ended = CliRunner().invoke(main, ["transcribe", str(DEFAULT), "--url", "ws://127.0.0.1:9"])
    assert (ended.exit_code, ended.stderr) == (1, "")


class Terminal(io.StringIO):
    """Standard output that is a terminal, or is not."""

    def __init__(self, *, is_one: bool) -> None:
        super().__init__()
        self._is_one = is_one

    def isatty(self) -> bool:
        return self._is_one


@pytest.mark.parametrize(
    ("is_one", "term", "as_json", "live"),
    [
        (True, "xterm-256color", False, True),
        (True, None, False, True),
        (True, "dumb", False, False),
        (False, "xterm-256color", False, False),
        (True, "xterm-256color", True, False),
    ],
)
def test_interims_are_shown_on_a_terminal_that_can_take_them_back(
    monkeypatch: pytest.MonkeyPatch, *, is_one: bool, term: str | None, as_json: bool, live: bool
) -> None:
    shown: list[tuple[bool, bool]] = []

    async def hear(*asked: object, **_: object) -> float:
        screen = asked[3]
        assert isinstance(screen, Screen)
        shown.append((screen.live, screen.quiet))
        return 1.0

    monkeypatch.setattr(transcribe, "_run", hear)
    monkeypatch.setattr(sys, "stdout", Terminal(is_one=is_one))
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    arguments = [str(DEFAULT), "--url", "ws://127.0.0.1:9", *(["--json"] if as_json else [])]
    transcribe.command.main(arguments, standalone_mode=False)
    assert shown == [(live, as_json)]


class Stack:
    """What is read of a stack, as `perch transcribe` sees it."""

    websocket_url = "wss://stack.example"
    ca_certificate_path = Path("stack.pem")
    direct_header = "X-Perch-Colour"


@pytest.mark.parametrize(
    ("options", "to", "realtime"),
    [
        ([], ("wss://stack.example", "stack.pem", {}, None, None), False),
        (
            ["--colour", "green", "--realtime"],
            ("wss://stack.example", "stack.pem", {"X-Perch-Colour": "green"}, None, None),
            True,
        ),
        (
            ["--ca", "mine.pem", "--wait", "20"],
            ("wss://stack.example", "mine.pem", {}, None, 20.0),
            False,
        ),
        (["--url", "ws://x/ws"], ("ws://x/ws", None, {}, None, None), False),
        (
            ["--url", "wss://x/ws", "--ca", "mine.pem", "--wait", "1", "--token-file", "token"],
            ("wss://x/ws", "mine.pem", {}, SecretStr("made-up"), 1.0),
            False,
        ),
    ],
)
def test_each_option_reaches_the_gateway_that_is_spoken_to(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
    to: tuple[object, ...],
    *,
    realtime: bool,
) -> None:
    asked: list[tuple[object, ...]] = []

    async def hear(source: str, to: transcribe.Destination, *rest: object, realtime: bool) -> float:
        ca = None if to.authority is None else to.authority.name
        asked.append((source, (to.url, ca, to.headers, to.token, to.wait), realtime))
        assert len(rest) == 2
        return 1.0

    monkeypatch.delenv("PERCH_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("made-up\n")
    monkeypatch.setattr(transcribe, "_run", hear)
    monkeypatch.setattr(transcribe, "read", lambda *_, **__: Stack)
    ended = CliRunner().invoke(transcribe.command, [str(DEFAULT), *options])
    assert (ended.exit_code, ended.stderr) == (0, "perch: nothing was heard\n")
    assert asked == [(str(DEFAULT), to, realtime)]


def test_a_stack_that_is_not_up_is_said_before_any_sound_is_read(tmp_path: Path) -> None:
    failed = CliRunner().invoke(transcribe.command, [str(DEFAULT), "--state-dir", str(tmp_path)])
    assert failed.exit_code == 1
    assert failed.stderr == (
        f"perch: stack local is not up (nothing in {tmp_path}); "
        f"start it with `perch up --state-dir {tmp_path}`\n"
    )
