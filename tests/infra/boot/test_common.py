"""What every boot script begins with: its functions one by one, in real bash."""

import os
import subprocess

import pytest

from tests.infra.boot.standins.host import INSTANCE, Host


def run(host: Host, code: str) -> subprocess.CompletedProcess[str]:
    """Run lines after `common`, as a script of the machine's."""
    script = host.library / "trial"
    script.write_text(f'#!/usr/bin/env bash\n. "${{0%/*}}/common"\n{code}\n')
    script.chmod(0o755)
    return host.run("trial")


@pytest.mark.parametrize("code", ["false", "echo $unset_name", "false | cat", "x=$(false)"])
def test_a_script_stops_at_the_first_thing_that_goes_wrong(host: Host, code: str) -> None:
    done = run(host, f"{code}\necho further")
    assert done.returncode != 0
    assert "further" not in done.stdout


def test_what_a_script_writes_is_for_root_alone(host: Host) -> None:
    assert run(host, 'touch "$PERCH_RUN/mine"; mkdir "$PERCH_RUN/folder"').returncode == 0
    assert (host.run_folder / "mine").stat().st_mode & 0o777 == 0o600
    assert (host.run_folder / "folder").stat().st_mode & 0o777 == 0o700


def test_a_sentence_names_its_script_and_goes_where_the_journal_hears_it(host: Host) -> None:
    done = run(host, 'say "two  words" more')
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "perch trial: two  words more\n")


def test_a_failure_leaves_its_reason_says_one_line_and_ends_the_script(host: Host) -> None:
    done = run(host, "fail disk_full so much is full\necho further")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "perch trial: FAILED reason=disk_full: so much is full\n"
    assert host.reason() == "disk_full"


def test_what_a_program_printed_becomes_one_line_of_400_characters(host: Host) -> None:
    assert run(host, "one_line $'a\\tb\\n\\n  c\\x01d'").stdout == "a b c d \n"
    assert run(host, 'one_line "$(printf %0500d 0)"').stdout == "0" * 400 + "\n"


def test_a_call_of_aws_names_the_region_and_two_deadlines(host: Host) -> None:
    host.answer("s3 ls", out="answer\n")
    assert run(host, "aws_call s3 ls 's3://a b'").stdout == "answer\n"
    [call] = host.calls("s3 ls")
    assert call.arguments == (
        *("--region", host.settings.region),
        *("--cli-connect-timeout", "5", "--cli-read-timeout", "30", "s3", "ls", "s3://a b"),
    )


def test_a_metric_names_environment_and_colour(host: Host) -> None:
    done = run(host, "metric BootSeconds 7 Seconds more\necho further")
    assert (done.returncode, done.stdout, done.stderr) == (0, "further\n", "")
    [call] = host.calls("put-metric-data")
    where = f"{{Name=Environment,Value={host.settings.environment}}}"
    where += f",{{Name=Colour,Value={host.settings.colour}}}"
    assert call.arguments[-5:-1] == (
        *("--namespace", host.environment["PERCH_NAMESPACE"], "--metric-data"),
        f"MetricName=BootSeconds,Value=7,Unit=Seconds,Dimensions=[{where}]",
    )
    assert call.arguments[-1] == "more"


def test_a_metric_that_is_refused_stops_nothing_and_is_said(host: Host) -> None:
    host.answer("put-metric-data", status=254)
    done = run(host, "metric BootSeconds 7 Seconds\necho further")
    assert (done.returncode, done.stdout) == (0, "further\n")
    assert "metric BootSeconds was not taken by CloudWatch" in done.stderr


def test_the_metadata_service_is_asked_with_a_token(host: Host) -> None:
    assert run(host, "imds instance-id").stdout == INSTANCE
    assert run(host, "imds no/such/path || echo none").stdout == "none\n"
    host.metadata.url = "http://127.0.0.1:1"
    assert run(host, "imds instance-id || echo away").stdout == "away\n"


@pytest.mark.parametrize(
    ("written", "launched"),
    [(None, False), ("", False), ("i-another\n", False), (f"{INSTANCE}\n", True)],
)
def test_a_machine_was_launched_where_it_says_so_of_itself(
    host: Host, written: str | None, *, launched: bool
) -> None:
    if written is not None:
        (host.state / "launched").write_text(written)
    answer = run(host, "if launched; then echo yes; else echo no; fi")
    assert (answer.stdout, answer.stderr) == ("yes\n" if launched else "no\n", "")


def test_free_space_is_that_of_the_disk_on_which_a_path_will_be(host: Host) -> None:
    """Another process may take a GiB meanwhile."""
    disk = os.statvfs(host.folder)
    free = disk.f_bavail * disk.f_frsize / 2**30
    for path in (host.folder, host.folder / "not" / "yet" / "there"):
        found = run(host, f"free_gib '{path}'").stdout
        assert int(found) == pytest.approx(free, abs=2)
    assert int(run(host, "free_gib /no-such-folder").stdout) >= 0
