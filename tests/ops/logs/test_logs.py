"""`perch logs`: log groups that moto keeps, and files as processes of `perch up` write them.

Not proved: how late lines come to CloudWatch.
"""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ops.logs import command
from ops.logs.in_files import FileLogs, LogFile, files_of
from ops.logs.lines import SOURCES, Line, Wanted, moment
from tests.support.account import Account, account

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
"""A moment for what is read against one."""
GONE = "i-00000000000000abc"


@pytest.fixture(scope="module")
def now() -> datetime:
    """When the lines are made: as this module is run, which may be long after it was imported."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def aws(now: datetime) -> Iterator[Account]:
    """Log groups of three sources, with lines of blue's machine and of one that has gone."""
    with account() as made:
        logs = made.clients["logs"]
        [machine] = made.machines
        groups = made.outputs["log_group_names"]
        for source in SOURCES:
            logs.create_log_group(logGroupName=groups[source])
        for source, stream, minutes, text in (
            ("gateway", f"{machine}/gateway", 3, "session started"),
            ("gateway", f"{machine}/gateway", 1, 'session ENDED: "stopped"'),
            ("asr", f"{machine}/asr", 2, "loading the model"),
            ("system", f"{machine}/host", 20, "booting"),
            ("gateway", f"{GONE}/gateway", 2, "drained"),
        ):
            stamp = int((now - timedelta(minutes=minutes)).timestamp() * 1000)
            group = groups[source]
            if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)[
                "logStreams"
            ]:
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
            logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[{"timestamp": stamp, "message": text}],
            )
        yield made


@pytest.fixture
def folder(aws: Account, tmp_path: Path) -> Path:
    (tmp_path / "outputs.json").write_text(json.dumps(aws.outputs))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command.command, ["--state-dir", str(folder), *arguments])


def texts(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return [line.split(" ", 2)[2] for line in done.stdout.splitlines()]


def test_lines_of_all_groups_come_in_the_order_of_time(
    aws: Account, folder: Path, now: datetime
) -> None:
    done = run(folder)
    assert texts(done)[0] == "session started"
    assert texts(done)[-1] == 'session ENDED: "stopped"'
    assert sorted(texts(done)[1:-1]) == ["drained", "loading the model"]
    at = (now - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert done.stdout.splitlines()[0] == f"{at} {aws.machines[0]}/gateway session started"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--since", "1h", "--source", "system"), ["booting"]),
        (("--source", "asr", "--source", "system"), ["loading the model"]),
        (("--grep", "Ended"), ['session ENDED: "stopped"']),
        (("--machine", GONE), ["drained"]),
        (("--colour", "blue", "--source", "asr"), ["loading the model"]),
        (("--since", "1s"), []),
    ],
)
@pytest.mark.usefixtures("aws")
def test_an_option_leaves_its_lines_alone(
    folder: Path, arguments: tuple[str, ...], expected: list[str]
) -> None:
    assert texts(run(folder, *arguments)) == expected


@pytest.mark.usefixtures("aws")
def test_where_there_is_no_line_that_is_said_beside_the_output(folder: Path) -> None:
    done = run(folder, "--grep", "no such words", "--source", "gateway")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("perch: no line of gateway with 'no such words' in it since ")


@pytest.mark.usefixtures("aws")
def test_a_follow_says_each_line_once_and_ends(folder: Path) -> None:
    done = run(folder, "--follow", "--every", "0.1", "--minutes", "0.005", "--source", "gateway")
    assert sorted(texts(done)) == ["drained", 'session ENDED: "stopped"', "session started"]


@pytest.mark.usefixtures("aws")
def test_a_colour_without_machines_and_a_group_that_is_not_there_are_told(
    aws: Account, folder: Path
) -> None:
    none = run(folder, "--colour", "green")
    assert (none.exit_code, none.stdout) == (1, "")
    assert "green of stack local has no machine now; --machine names one" in none.stderr
    names = {**aws.outputs["log_group_names"], "asr": "/perch/gone"}
    (folder / "outputs.json").write_text(json.dumps(aws.outputs | {"log_group_names": names}))
    gone = run(folder)
    assert gone.exit_code == 1
    assert "log group /perch/gone of stack local cannot be read: " in gone.stderr


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [
        ("--since", "soon", "accepted: a span such as 90s, 10m, 2h or 3d, or a time such as"),
        ("--machine", "i-xyz", "accepted: an id such as i-0123456789abcdef0"),
    ],
)
def test_an_option_that_cannot_be_read_is_refused_with_what_can(
    tmp_path: Path, option: str, value: str, accepted: str
) -> None:
    refused = run(tmp_path, option, value)
    assert refused.exit_code == 2
    assert f"{option} is '{value}'; {accepted}" in refused.stderr


def test_a_moment_is_a_span_back_or_a_time_in_utc() -> None:
    assert moment("90s", NOW) == NOW - timedelta(seconds=90)
    assert moment("3d", NOW) == NOW - timedelta(days=3)
    assert moment("2026-11-27T09:30:00", NOW) == datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
    assert moment("2026-11-27T09:30:00+02:00", NOW) == datetime(2026, 11, 27, 7, 30, tzinfo=UTC)


@given(st.text(max_size=12))
def test_whatever_is_given_is_a_moment_or_refused_in_a_sentence(text: str) -> None:
    try:
        assert moment(text, NOW).tzinfo is not None
    except ValueError as error:
        assert "; accepted: " in str(error)  # noqa: PT017 - either is right


FILES = {
    "gateway-blue": (
        '{"event": "listening", "timestamp": "2026-11-27T09:00:00.500000Z"}\n'
        "Traceback, which has no time\n"
        '{"event": "late", "timestamp": "2026-11-27T09:30:00Z"}\n'
    ),
    "gateway-green": '{"event": "listening", "timestamp": "2026-11-27T09:10:00Z"}\n',
    "emulator-blue": '{"event": "ready"}\n',
    "listener": "2026-11-27 09:20:00,250 INFO blue is healthy\nno end",
}


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Logs as processes write them, of a machine in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    for name, text in FILES.items():
        (tmp_path / f"{name}.log").write_text(text)
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


def wanted(**changes: object) -> Wanted:
    usual: dict[str, object] = {
        "since": datetime(2026, 11, 27, 9, tzinfo=UTC),
        "sources": SOURCES,
    }
    return Wanted(**(usual | changes))  # type: ignore[arg-type]  # as the caller says


def read(folder: Path, wish: Wanted) -> list[str]:
    found = FileLogs(files_of(folder, wish)).lines(wish)
    return [f"{line.source}: {line.text[:30]}" for line in found]


def test_files_are_read_as_one_and_a_line_without_a_time_stays_behind_its_own(logs: Path) -> None:
    assert read(logs, wanted()) == [
        'emulator-blue: {"event": "ready"}',
        'gateway-blue: {"event": "listening", "timest',
        "gateway-blue: Traceback, which has no time",
        'gateway-green: {"event": "listening", "timest',
        "listener: 2026-11-27 09:20:00,250 INFO b",
        'gateway-blue: {"event": "late", "timestamp":',
    ]
    assert len(read(logs, wanted(since=datetime(2026, 11, 27, 9, 15, tzinfo=UTC)))) == 3


def test_a_colour_and_a_source_choose_files(logs: Path) -> None:
    names = [file.stem for file in files_of(logs, wanted(colour="blue"))]
    assert names == ["gateway-blue", "emulator-blue"]
    assert [file.stem for file in files_of(logs, wanted(sources=("system",)))] == ["listener"]


def test_a_file_is_gone_on_with_where_it_ended_and_begun_anew_where_it_is_shorter(
    logs: Path,
) -> None:
    path = logs / "listener.log"
    file = LogFile(path)
    assert len([*file.lines()]) == 1
    with path.open("a") as more:
        more.write(" after all\n")
    [line] = file.lines()
    assert (line.text, line.at is not None) == ("no end after all", True)
    path.write_text("anew\n")
    assert [*file.lines()] == [Line(at=None, source="listener", text="anew")]


def test_bytes_that_are_no_text_are_shown_as_such(logs: Path) -> None:
    (logs / "aws.log").write_bytes(os.urandom(32).replace(b"\n", b"") + b"\xff\n")
    [line] = LogFile(logs / "aws.log").lines()
    assert line.text.endswith("\ufffd")
    assert str(line).startswith("- aws ")
