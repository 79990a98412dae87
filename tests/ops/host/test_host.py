"""`perch host` against a real sshd: what is run, what is refused, and what is left behind."""

import grp
import os
import time
from pathlib import Path

import pytest

from ops.host import command as subcommands
from ops.host.connection import UNREACHED
from tests.ops.host.conftest import Stack
from tests.support.sshd import new_key


def test_a_command_is_run_and_its_output_and_exit_code_are_handed_on(stack: Stack) -> None:
    done = stack.host("run", "--", "echo out; echo err >&2; exit 7")
    assert (done.exit_code, done.stdout) == (7, "out\n")
    assert done.stderr.splitlines()[-1] == "err"
    assert stack.machine in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("printf", "%s|", "two words", "a'b", 'c"d', "$HOME", "e\nf", "*", ""),
        ("printf '%s|' 'two words' \"a'b\" 'c\"d' '$HOME' 'e\nf' '*' ''",),
    ],
    ids=["several arguments", "one line of a shell"],
)
def test_quotes_and_line_ends_arrive_as_they_were_typed(
    stack: Stack, arguments: tuple[str, ...]
) -> None:
    done = stack.host("run", "--", *arguments)
    assert done.stdout == "two words|a'b|c\"d|$HOME|e\nf|*||"
    assert done.exit_code == 0


def test_more_output_than_a_window_of_ssh_comes_whole(stack: Stack) -> None:
    done = stack.host("run", "--", "head -c 5000000 /dev/zero; head -c 70000 /dev/zero >&2")
    assert len(done.stdout_bytes) == 5_000_000
    assert done.stderr_bytes.count(b"\0") == 70_000


def test_the_key_is_another_each_time_and_is_on_no_disk_and_no_command_line(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for _ in range(2):
        assert stack.host("run", "--", "true").exit_code == 0
    first, second = stack.sshd.keys
    assert first != second
    assert list((tmp_path / "home").iterdir()) == []
    written = [
        path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.parent != stack.sshd.folder
    ]
    assert not [text for text in written if b"PRIVATE KEY" in text]
    assert not [word for word in stack.sshd.arguments() if "ssh-" in word]


def test_another_host_key_than_the_published_one_is_refused_before_anything_is_sent(
    stack: Stack, tmp_path: Path
) -> None:
    other = new_key(tmp_path / "other")
    stack.ec2.create_tags(
        Resources=[stack.machine], Tags=[{"Key": "perch:host-key", "Value": other}]
    )
    done = stack.host("run", "--", "touch", str(tmp_path / "run"))
    assert done.exit_code == UNREACHED
    assert "somebody stands between" in done.stderr
    assert stack.sshd.keys == []
    assert not (tmp_path / "run").exists()


def test_a_machine_that_has_published_no_key_is_refused(stack: Stack) -> None:
    stack.ec2.delete_tags(Resources=[stack.machine], Tags=[{"Key": "perch:host-key"}])
    done = stack.host("run", "--", "true")
    assert done.exit_code == UNREACHED
    assert "has published no host key" in done.stderr
    assert stack.sshd.keys == []


@pytest.mark.parametrize("key", ["ssh-rsa AAAA", "ssh-ed25519 no base64", "ssh-ed25519 AAAA", "x"])
def test_what_is_no_key_is_told_as_such(stack: Stack, key: str) -> None:
    stack.ec2.create_tags(Resources=[stack.machine], Tags=[{"Key": "perch:host-key", "Value": key}])
    done = stack.host("run", "--", "true")
    assert done.exit_code == UNREACHED
    assert f"published is '{key}'; accepted: ssh-ed25519" in done.stderr


def test_a_user_whom_the_machine_does_not_let_in_is_told(stack: Stack) -> None:
    (stack.sshd.folder / "sshd_config").write_text(
        (stack.sshd.folder / "sshd_config").read_text() + "DenyUsers *\n"
    )
    done = stack.host("run", "--", "true")
    assert done.exit_code == UNREACHED
    assert "by the key that EC2 Instance Connect gave it" in done.stderr


def test_what_the_way_there_says_is_the_reason(stack: Stack) -> None:
    stack.sshd.proxy("echo 'TargetNotConnected: is not connected.' >&2; exit 254")
    done = stack.host("run", "--", "true")
    assert done.exit_code == UNREACHED
    assert "TargetNotConnected: is not connected." in done.stderr


def test_a_way_without_an_answer_ends_at_its_deadline(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subcommands, "CONNECT_SECONDS", 0.3)
    stack.sshd.proxy("exec sleep 60")
    began = time.monotonic()
    assert stack.host("run", "--", "true").exit_code == UNREACHED
    assert time.monotonic() - began < 30


def test_a_connection_that_breaks_is_told_as_that(stack: Stack) -> None:
    # The way there and the sshd at its end are one process group; the command is in another.
    group = stack.sshd.folder / "process"
    done = stack.host("run", "--", f"echo begun; sleep 0.2; kill -9 -$(cat {group}); sleep 30")
    assert done.exit_code == UNREACHED, done.output
    assert done.stdout == "begun\n"
    assert "the connection was lost" in done.stderr


def test_a_command_that_takes_too_long_is_ended_on_the_machine(
    stack: Stack, tmp_path: Path
) -> None:
    noted = tmp_path / "process"
    line = f"echo $$ >{noted}; exec sleep 60"
    done = stack.host("run", "--timeout", "1", "--", line)
    assert done.exit_code == 124
    assert not Path(f"/proc/{noted.read_text().strip()}").exists()


def test_a_machine_that_does_not_end_it_is_left(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subcommands, "MARGIN_SECONDS", -0.5)
    done = stack.host("run", "--timeout", "1", "--", "sleep 60")
    assert done.exit_code == UNREACHED
    assert "was not done in time" in done.stderr


def test_the_way_is_session_managers_unless_the_stack_has_an_endpoint(stack: Stack) -> None:
    assert stack.host("run", "--", "true").exit_code == 0
    ssm = stack.sshd.arguments()
    assert ssm[:2] == ["ssm", "start-session"]
    assert ssm[ssm.index("--target") + 1] == stack.machine
    refused = stack.host("run", "--via", "connect", "--", "true")
    assert refused.exit_code == 2
    assert "network.connect_endpoint makes one" in refused.stderr
    outputs = stack.folder / "outputs.json"
    outputs.write_text(
        outputs.read_text().replace(
            '"connect_endpoint_id": null', '"connect_endpoint_id": "eice-1"'
        )
    )
    assert stack.host("run", "--", "true").exit_code == 0
    assert stack.sshd.arguments()[:2] == ["ec2-instance-connect", "open-tunnel"]


@pytest.mark.parametrize("program", ["aws", "session-manager-plugin"])
def test_a_program_that_is_missing_here_is_named(
    stack: Stack, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stack.sshd.programs / program).unlink()
    monkeypatch.setenv("PATH", str(stack.sshd.programs))
    done = stack.host("run", "--", "true")
    assert done.exit_code == 2
    assert f"there is no `{program}` on the PATH" in done.stderr


def test_one_of_several_machines_has_to_be_named(stack: Stack) -> None:
    second, green = stack.start("blue"), stack.start("green")
    several = stack.host("run", "--", "true")
    assert several.exit_code == 2
    for machine in (stack.machine, second, green):
        assert machine in several.stderr
    assert stack.host("run", "--colour", "blue", "--", "true").exit_code == 2
    assert stack.host("run", "--machine", stack.machine, "--", "true").exit_code == 0
    other_colour = stack.host("run", "--colour", "green", "--machine", second, "--", "true")
    assert other_colour.exit_code == 2
    listed = stack.host("list").stdout
    assert {line.split()[0] for line in listed.splitlines()} == {stack.machine, second, green}
    assert listed.count(", no host key yet") == 2


def test_a_machine_that_is_stopped_is_not_tried(stack: Stack) -> None:
    stack.ec2.stop_instances(InstanceIds=[stack.machine])
    done = stack.host("run", "--", "true")
    assert done.exit_code == UNREACHED
    assert "does not run" in done.stderr


def test_gpus_are_rows_of_what_nvidia_smi_says(stack: Stack) -> None:
    stack.sshd.on_the_machine(
        "nvidia-smi", "echo '0, NVIDIA L4, 580.105.08, 41, 7, 9216, 23034, 33.10, 0'"
    )
    done = stack.host("gpu", "--json")
    assert done.exit_code == 0, done.output
    assert '"driver_version": "580.105.08"' in done.stdout
    assert "memory.used" in stack.host("gpu").stdout


def test_a_gpu_that_is_lost_is_an_error_with_nvidia_smis_words(stack: Stack) -> None:
    said = "Unable to determine the device handle for GPU0000:00:1E.0: Unknown Error"
    stack.sshd.on_the_machine("nvidia-smi", f"echo '{said}' >&2; exit 255")
    done = stack.host("gpu")
    assert done.exit_code == 1
    assert said in done.stderr


def test_logs_are_the_journal_of_the_units_or_what_one_of_them_printed(stack: Stack) -> None:
    stack.sshd.on_the_machine("journalctl", 'echo "journal: $*"')
    stack.sshd.on_the_machine("tail", 'echo "tail: $*"')
    journal = stack.host("logs", "--lines", "5").stdout
    assert "--lines=5" in journal
    assert "--unit=perch*" in journal
    assert stack.host("logs", "--source", "asr", "--lines", "5").stdout == (
        "tail: --lines=5 /var/log/perch/asr.log\n"
    )


def sshd_may_give_terminals() -> bool:
    """Return whether an sshd of this user can: it must not have to hand one to the group `tty`."""
    ends = os.openpty()
    group = os.fstat(ends[1]).st_gid
    for end in ends:
        os.close(end)
    return os.geteuid() == 0 or group == grp.getgrnam("tty").gr_gid


def test_a_log_that_is_followed_ends_when_the_machine_hangs_up(stack: Stack) -> None:
    if not sshd_may_give_terminals():
        pytest.skip("this machine's devpts has no gid=tty, so only root's sshd gives terminals")
    stack.sshd.on_the_machine("journalctl", 'test -t 1 && echo "$*"')
    done = stack.host("logs", "--follow")
    assert done.exit_code == 0
    assert "--follow" in done.stdout


def test_a_shell_needs_a_terminal(stack: Stack) -> None:
    done = stack.host("shell")
    assert done.exit_code == 2
    assert "needs a terminal" in done.stderr
    assert stack.sshd.keys == []


def test_nothing_of_the_way_is_left_running(stack: Stack) -> None:
    assert stack.host("run", "--", "true").exit_code == 0
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
