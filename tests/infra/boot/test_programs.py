"""How a machine gets the programs that user data has no room for, with a stand-in of S3.

Not proved here: that S3 and the role let a machine read them (docs/unverified.md).
"""

import hashlib
from pathlib import Path

from infra.boot.programs import HERE, host_programs, program_key
from tests.infra.boot.standins import answers
from tests.infra.boot.standins.host import Host
from tests.infra.boot.standins.starting import start, stop


def exporter_object(host: Host) -> Path:
    """Where the stand-in of S3 keeps the exporter."""
    bucket = host.folder / "standins" / "s3" / host.settings.artefact_bucket
    return bucket / program_key(host_programs()["exporter"])


def test_a_program_arrives_as_it_stands_in_the_repository_for_every_user_to_run(
    host: Host,
) -> None:
    done = host.run("fetch-programs")
    assert done.returncode == 0, done.stderr
    program = host.library / "exporter"
    assert program.read_text() == (HERE / "exporter.py").read_text()
    assert program.stat().st_mode & 0o777 == 0o755
    assert not list(host.library.glob("*.new"))


def test_another_text_has_another_key(host: Host) -> None:
    text = exporter_object(host).read_text()
    assert program_key(text) == f"host/{hashlib.sha256(text.encode()).hexdigest()}"
    assert program_key(text + "\n") != program_key(text)


def test_asks_again_until_the_bucket_answers_and_says_so_once(host: Host) -> None:
    host.answer("s3 cp", err=answers.UNREACHABLE, status=255, times=4)
    done = host.run("fetch-programs")
    assert done.returncode == 0, done.stderr
    assert len(host.calls("s3 cp")) == 5
    assert done.stderr.count("trying again") == 1


def test_never_runs_what_has_another_sha256_and_takes_the_right_one_when_it_is_there(
    host: Host,
) -> None:
    text = exporter_object(host).read_text()
    exporter_object(host).write_text(f"{text}import evil\n")
    process = start([host.library / "fetch-programs"], host.environment)
    try:
        assert process.stderr is not None
        assert "what is there has another SHA-256" in process.stderr.readline()
        assert not (host.library / "exporter").exists()
        exporter_object(host).write_text(text)
        assert "in place" in process.stderr.readline()
        assert process.wait(timeout=30) == 0
    finally:
        stop(process)
    assert (host.library / "exporter").read_text() == text


def test_a_program_that_is_here_is_not_fetched_again_and_a_changed_one_is(host: Host) -> None:
    host.run("fetch-programs")
    assert host.run("fetch-programs").returncode == 0
    assert len(host.calls("s3 cp")) == 1
    (host.library / "exporter").write_text("changed\n")
    assert host.run("fetch-programs").returncode == 0
    assert len(host.calls("s3 cp")) == 2
    assert (host.library / "exporter").read_text() != "changed\n"
