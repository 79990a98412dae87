"""What git refuses is told in words that say what to do. Asked of a real git."""

import subprocess
from pathlib import Path

import pytest

from ops.offline.errors import OfflineError
from ops.offline.revisions import git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Nothing of the person's: neither an exception for every folder nor a language.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    folder = tmp_path / "a clone"
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def commit(repository: Path) -> None:
    me = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    words = ["commit", "--quiet", "--allow-empty", "--message", "first"]
    subprocess.run(["git", "-C", str(repository), *me, *words], check=True)


def test_a_checkout_of_another_user_is_told_with_the_command_that_trusts_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repository)
    assert len(git.commit_of(repository, "HEAD")) == 40
    # git's own way to play that, for its tests.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for ask in (git.commit_of, git.archive_of):
        with pytest.raises(OfflineError) as refused:
            ask(repository, "HEAD")
        assert str(refused.value) == (
            f"git does not touch {repository}, for it belongs to another user; if you trust it: "
            f"git config --global --add safe.directory {repository}"
        )


def test_a_folder_that_is_no_clone_is_told(repository: Path) -> None:
    outside = repository.parent
    with pytest.raises(OfflineError, match=rf"{outside} is in no git repository, .* in a clone$"):
        git.commit_of(outside, "HEAD")


@pytest.mark.parametrize("revision", ["HEAD", "v9", "--all", "a b", "@{", "\udce9"])
def test_a_revision_that_is_not_there_is_named(repository: Path, revision: str) -> None:
    with pytest.raises(OfflineError, match=r"^revision .*: git knows no such commit in "):
        git.commit_of(repository, revision)


def test_a_git_that_cannot_be_started_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = repository / "git"
    broken.write_text("no program")
    broken.chmod(0o755)
    for path, said in ((repository, "git cannot be started: Exec format"), ("/", "not installed")):
        monkeypatch.setenv("PATH", str(path))
        with pytest.raises(OfflineError, match=said):
            git.commit_of(repository, "HEAD")


def test_a_git_that_gives_no_answer_is_told(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (repository / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(repository), prepend=":")
    monkeypatch.setattr(git, "_DEADLINE", 0.2)
    with pytest.raises(OfflineError, match=rf"^git gave no answer in 0 s in {repository}$"):
        git.commit_of(repository, "HEAD")
