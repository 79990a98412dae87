"""`perch up` from beginning to end, once: the real program, moto, emulators, gateways and speech.

All of it under an environment as hostile as people's are: proxies, profiles, no home, no locale.

The tests of this module stand on one running stack and are run in their order, by one worker
(`make test` gives whole files to workers). They do not prove that the same comes up on AWS; the
outputs they read are the same in kind.
"""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from shlex import quote
from typing import Any

import httpx
import psutil
import pytest

from ops.local.access import local_session
from ops.local.gateways import ask
from ops.local.open_ports import OPEN_PORTS
from ops.local.plan import PORTS_IN_A_ROW
from ops.local.supervisor.records import alive
from ops.offline.simulator.credentials import load
from ops.smoke.recording import DEFAULT
from tests.support.port_rows import free_row
from tests.support.up_process import (
    Up,
    begin,
    clean_environment,
    opened,
    perch,
    running_up,
    wait_for,
)
from tests.support.words import bare, lost_or_doubled, spoken_text

pytestmark = pytest.mark.timeout(300)

SAID = bare(spoken_text(DEFAULT.name))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("with a space")
    with running_up(folder, "--ports-from", str(free_row())) as running:
        yield running


def test_it_says_what_runs_where_what_it_heard_and_what_to_try(up: Up) -> None:
    said = up.said.read_text()
    for child in up.state.children:
        assert f"{child.pid}" in said
        assert str(child.log) in said
    names = [child.name for child in up.state.children]
    colours = [
        f"{part}-{colour}" for colour in ("blue", "green") for part in ("emulator", "gateway")
    ]
    assert names == ["aws", "host", *colours, "listener"]
    (heard,) = (line for line in said.splitlines() if line.startswith("heard "))
    assert lost_or_doubled(bare(heard)[1:], SAID, cuts=1) is None
    assert f"page     {up.outputs.endpoint_url}/ui" in said
    assert f"`perch down --state-dir {quote(str(up.folder.path))}` in another terminal" in said
    assert (
        f"perch transcribe {quote(str(DEFAULT))} --state-dir {quote(str(up.folder.path))}" in said
    )


def test_the_outputs_are_the_stacks_and_name_the_authority(up: Up) -> None:
    read = up.perch("outputs", "--json")
    assert read.exit_code == 0
    document = json.loads(read.stdout)
    assert document == up.outputs.model_dump(mode="json")
    authority = Path(document["ca_certificate_path"])
    assert authority == up.folder.path / "ca.pem"
    assert authority.is_file()
    assert document["endpoint_url"] == f"https://localhost:{document['listener_port']}"
    assert document["websocket_url"] == f"wss://localhost:{document['listener_port']}"


def test_the_page_is_there_for_whoever_trusts_the_authority(up: Up) -> None:
    trust = ssl.create_default_context(cafile=up.outputs.ca_certificate_path)
    answer = httpx.get(f"{up.outputs.endpoint_url}/ui", verify=trust, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_every_open_port_is_on_loopback_and_in_the_table_of_ports(up: Up) -> None:
    for child in (*up.state.children, up.state.supervisor):
        sockets = opened(child)
        assert {address for address, _ in sockets} <= {"127.0.0.1", "::1"}, child.name
        rows = [row for row in OPEN_PORTS if fnmatch(child.name, row.process)]
        assert len({port for _, port in sockets}) == sum(row.sockets for row in rows), child.name


@pytest.mark.parametrize(
    ("evil", "statuses"),
    # 404 is the gateways' administrative listener, which has no such path for anybody.
    [({"Origin": "https://evil.example"}, {403, 404}), ({"Host": "evil.example"}, {403, 421})],
    ids=["by its own name", "by a name rebound to this machine"],
)
def test_a_web_page_of_another_origin_gets_nothing_at_any_port(
    up: Up, evil: dict[str, str], statuses: set[int]
) -> None:
    trust = ssl.create_default_context(cafile=up.outputs.ca_certificate_path)
    trust.load_verify_locations(up.folder.gateway_tls)
    served_by_tls = {
        "listener",
        *(str(colour.gateway_port) for _, colour in up.outputs.colours.items()),
    }
    with httpx.Client(verify=trust, trust_env=False, headers=evil) as page:
        for child in up.state.children:
            for port in {port for _, port in opened(child)}:
                kind = child.name.partition("-")[0]
                scheme = "https" if {kind, str(port)} & served_by_tls else "http"
                url = f"{scheme}://localhost:{port}"
                try:
                    answer = page.post(f"{url}/transcribe/file", content=b"x")
                except httpx.RemoteProtocolError:
                    assert kind == "emulator"  # its gRPC port speaks no HTTP/1.1
                    continue
                assert answer.status_code in statuses, (child.name, answer.text)
                assert not any(name.startswith("access-control-") for name in answer.headers)


def test_the_access_key_of_the_run_is_in_a_private_file_and_nowhere_else(up: Up) -> None:
    key = load(up.folder.aws_credentials)
    assert up.folder.aws_credentials.stat().st_mode & 0o777 == 0o600
    for child in (*up.state.children, up.state.supervisor):
        process = psutil.Process(child.pid)
        assert key.secret not in " ".join((*process.cmdline(), *process.environ().values()))
    for file in up.folder.path.rglob("*"):
        if file.is_file() and file != up.folder.aws_credentials:
            assert key.secret.encode() not in file.read_bytes(), file
    unsigned = httpx.get(up.state.aws["AWS_ENDPOINT_URL"], trust_env=False)
    assert (unsigned.status_code, "MissingAuthenticationToken" in unsigned.text) == (403, True)


@pytest.mark.parametrize("colour", [None, pytest.param("green", marks=pytest.mark.slow)])
def test_smoke_reports_every_check_as_json(up: Up, colour: str | None) -> None:
    done = up.perch("smoke", "--json", *(("--colour", colour) if colour else ()))
    assert done.exit_code == 0, done.stdout
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert report["colour"] == colour
    assert [check["status"] for check in report["checks"]] == ["ok"] * 10
    assert report["answered"] == [colour or "blue"]
    assert (report["version"], report["model"], report["latency"]) == ("0.1.0", None, None)
    assert report["certificate_days"] > 0
    told = {check["name"]: check["detail"] for check in report["checks"]}
    assert told["a wrong token is refused"].startswith("this stack asks for no token")
    assert lost_or_doubled(bare(report["heard"]["text"]), SAID, cuts=1) is None
    assert report["heard"]["word_error_rate"] <= 0.12


def test_status_tells_the_gateways_and_processes_and_says_what_is_not_known_here(up: Up) -> None:
    done = up.perch("status", "--json")
    assert done.exit_code == 0, done.stdout
    report = json.loads(done.stdout)
    assert (report["is_local"], report["recognition"], report["sessions"]) == (True, "on", 0)
    assert report["in_service"] == "blue"
    assert report["certificate_days"] > 0
    assert [colour["weight"] for colour in report["colours"]] == [100, 0]
    targets = [target for colour in report["colours"] for target in colour["targets"]]
    assert [target["state"] for target in targets] == ["healthy"] * 2
    running = {process["name"]: process["pid"] for process in report["processes"]}
    assert running == {child.name: child.pid for child in up.state.children}
    # moto would answer each of these, and what it says would not be true, or not evaluated.
    assert {"alarms", "cost", "machines"} <= report["not_known"].keys()
    assert (report["alarms"], report["cost"]) == ([], None)
    assert report["release"] is None
    assert [colour["version"] for colour in report["colours"]] == ["0.1.0"] * 2
    assert report["colours"][0]["machines"] is None


@pytest.mark.slow
def test_smoke_fails_with_the_reason_when_more_is_asked_than_is_true(
    up: Up, tmp_path: Path
) -> None:
    (tmp_path / "other.flac").write_bytes(DEFAULT.read_bytes())
    (tmp_path / "other.txt").write_text("Something else entirely was said here by somebody.")
    failed = up.perch("smoke", "--recording", str(tmp_path / "other.flac"))
    assert failed.exit_code == 1
    lines = [line for line in failed.stdout.splitlines() if line.startswith("FAILED")]
    [told, by_dialect_b] = lines
    assert told.startswith("FAILED  a recording is recognised (")
    assert "of the words are wrong, 12% are allowed; heard: " in told
    assert lost_or_doubled(bare(told.partition("heard: ")[2]), SAID, cuts=1) is None
    assert by_dialect_b.startswith("FAILED  dialect B recognises it too (")


@pytest.mark.slow
def test_a_file_is_transcribed_as_lines_and_as_json(up: Up) -> None:
    plain = up.perch("transcribe", str(DEFAULT))
    assert plain.exit_code == 0
    assert lost_or_doubled(bare(plain.stdout), SAID, cuts=1) is None
    assert "\x1b" not in plain.stdout
    detailed = json.loads(up.perch("transcribe", str(DEFAULT), "--json").stdout)
    assert detailed["text"].split() == plain.stdout.split()
    words = [word for final in detailed["finals"] for word in final["words"]]
    assert bare(words[0]["word"]) == SAID[:1]
    assert 0 <= words[0]["start"] < words[-1]["end"] <= detailed["audio_seconds"]


@pytest.mark.slow
def test_a_wav_stream_on_standard_input_is_transcribed(up: Up) -> None:
    code = (
        "import soundfile, sys; samples, rate = soundfile.read(sys.argv[1], dtype='int16');"
        "soundfile.write(sys.stdout.buffer, samples, rate, format='WAV')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(DEFAULT)], stdout=subprocess.PIPE
    ) as writer:
        heard = subprocess.run(
            [
                *(sys.executable, "-P", "-m", "ops.cli", "transcribe"),
                *("--state-dir", str(up.folder.path), "-"),
            ],
            stdin=writer.stdout,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=clean_environment(),
        )
    assert heard.returncode == 0, heard.stderr
    assert lost_or_doubled(bare(heard.stdout), SAID, cuts=1) is None


def test_a_second_up_gets_one_sentence(up: Up) -> None:
    second = up.perch("up")
    assert (second.exit_code, second.stdout) == (1, "")
    (line,) = second.stderr.splitlines()
    folder = quote(str(up.folder.path))
    assert line == (
        f"perch: stack local is already up at {up.outputs.endpoint_url} "
        f"(process {up.process.pid}); `perch down --state-dir {folder}` stops it"
    )


@pytest.mark.slow
def test_weights_moved_through_the_api_move_new_sessions(up: Up) -> None:
    access, outputs = up.state.aws, up.outputs
    elb = local_session(access).client("elbv2", endpoint_url=access["AWS_ENDPOINT_URL"])
    elb.modify_listener(
        ListenerArn=outputs.listener_arn,
        DefaultActions=[
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": outputs.colours.blue.target_group_arn, "Weight": 0},
                        {"TargetGroupArn": outputs.colours.green.target_group_arn, "Weight": 100},
                    ]
                },
            }
        ],
    )
    (listener,) = (child for child in up.state.children if child.name == "listener")
    assert listener.log is not None
    deadline = time.monotonic() + 30
    while "routes are now" not in listener.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert up.perch("transcribe", str(DEFAULT)).exit_code == 0
    sessions = [line for line in listener.log.read_text().splitlines() if line.endswith(" 101")]
    assert sessions[0].endswith(" blue 101")
    assert sessions[-1].endswith(" green 101")


def readiness(up: Up, colour: str) -> dict[str, Any]:
    """What a colour's gateway says of itself, asked without the listener."""
    port = getattr(up.outputs.colours, colour).gateway_port
    answer = ask(up.folder.gateway_tls, port, "/readyz", seconds=10)
    return {"status": answer.status_code, **answer.json()}


def metrics(up: Up, colour: str) -> str:
    """A colour's gateway in numbers."""
    (gateway,) = (child for child in up.state.children if child.name == f"gateway-{colour}")
    assert gateway.log is not None
    said = [json.loads(line) for line in gateway.log.read_text().splitlines()]
    port = next(line["admin_port"] for line in reversed(said) if line["event"] == "listening")
    return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text


def test_both_gateways_share_the_stacks_keys_and_have_its_slots(up: Up) -> None:
    access = up.state.aws
    manager = local_session(access).client(
        "secretsmanager", endpoint_url=access["AWS_ENDPOINT_URL"]
    )
    secret = manager.get_secret_value(SecretId=up.outputs.secret_arns.gateway_resume_keys)
    assert up.folder.resume_keys.read_text() == secret["SecretString"]
    assert up.folder.resume_keys.stat().st_mode & 0o777 == 0o600
    for child in up.state.children:
        if child.name.startswith("gateway-"):
            environment = psutil.Process(child.pid).environ()
            assert environment["APP_RESUME_KEYS_FILE"] == str(up.folder.resume_keys)
            assert environment["WS_MAX_CONCURRENT_SESSIONS"] == str(up.outputs.gateway_max_sessions)
            assert secret["SecretString"] not in environment.values()


@pytest.mark.slow
def test_the_switch_turns_recognition_off_at_both_gateways_and_on_again(up: Up) -> None:
    for word, status in (("off", 503), ("on", 200)):
        turned = up.perch("recognition", word)
        assert turned.exit_code == 0, turned.stderr
        assert up.perch("recognition").stdout.startswith(f"{word}: ")
        deadline = time.monotonic() + 30
        while {readiness(up, colour)["status"] for colour in ("blue", "green")} != {status}:
            assert time.monotonic() < deadline, readiness(up, "blue")
            time.sleep(0.1)
        assert up.folder.recognition.read_text() == f"{word}\n"
    assert up.perch("transcribe", str(DEFAULT)).exit_code == 0


@pytest.mark.slow
def test_the_switch_sends_recognition_to_the_fallback_and_back(up: Up) -> None:
    for word, mode in (("fallback", "fallback"), ("on", "on")):
        turned = up.perch("recognition", word)
        assert turned.exit_code == 0, turned.stderr
        deadline = time.monotonic() + 30
        series = f'perch_recognition_mode{{mode="{mode}"}} 1.0'
        while not all(series in metrics(up, colour) for colour in ("blue", "green")):
            assert time.monotonic() < deadline, metrics(up, "blue")
            time.sleep(0.1)
        heard = up.perch("transcribe", str(DEFAULT))
        assert heard.exit_code == 0, heard.stderr
        assert lost_or_doubled(bare(heard.stdout), SAID, cuts=1) is None


@pytest.mark.slow
def test_a_gateway_that_is_killed_is_named_and_comes_back(up: Up) -> None:
    (before,) = (child for child in up.state.children if child.name == "gateway-green")
    os.kill(before.pid, signal.SIGKILL)
    wait_for(up, "gateway-green was ended by SIGKILL; its last lines (log: ", 60)
    wait_for(up, "gateway-green was started again", 60)
    (after,) = (child for child in up.state.children if child.name == "gateway-green")
    assert after.pid != before.pid
    assert alive(after)


def test_down_in_another_terminal_stops_every_process(up: Up) -> None:
    state = up.state
    family = psutil.Process(up.process.pid).children(recursive=True)
    stopped = up.perch("down")
    assert (stopped.exit_code, stopped.stdout) == (0, "perch: stack local is down\n")
    assert up.process.wait(timeout=30) == 0
    assert not any(alive(child) for child in state.children)
    assert not up.folder.aws_credentials.exists()
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert "was killed" not in up.said.read_text()
    assert up.perch("down").stdout == f"perch: nothing is up in {up.folder.path}\n"
    refused = up.perch("smoke")
    assert refused.exit_code == 1
    assert refused.stderr.endswith(
        f"start it with `perch up --state-dir {quote(str(up.folder.path))}`\n"
    )


def test_ctrl_c_while_starting_leaves_nothing(tmp_path: Path) -> None:
    running = begin(tmp_path, "--ports-from", str(free_row()))
    wait_for(running, "...   starting an AWS API")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(timeout=60) == 130
    assert running.folder.read() is None
    assert "Traceback" not in running.said.read_text()


def test_a_taken_port_gets_one_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    row = free_row()
    with socket.create_server(("127.0.0.1", row + 3)):
        refused = perch("up", "--state-dir", str(tmp_path), "--ports-from", str(row))
    assert (refused.exit_code, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"perch: port {row + 3} for emulator-blue (gRPC) is taken by ")
    assert line.endswith(
        f"(process {os.getpid()}). Free it, or choose others with --port or --ports-from "
        f"({PORTS_IN_A_ROW} ports in a row)"
    )
