"""Files that are followed: what counts as a change, and what is made of one that is none."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app import followed_files
from app.followed_files import FollowedFiles

DEADLINE_S = 20.0


class Follower:
    """Follows two files that must say the same word, and keeps what it was given."""

    def __init__(self, folder: Path) -> None:
        self.one, self.other = folder / "one", folder / "other"
        self.taken: list[bytes] = []
        self.parsed = 0
        self.files = FollowedFiles(
            "two words", [self.one, self.other], self._parse, self.taken.append, most_bytes=100
        )

    def _parse(self, contents: Sequence[bytes]) -> bytes:
        self.parsed += 1
        one, other = contents
        if one != other:
            raise ValueError("they differ")
        return one

    def write(self, one: str, other: str) -> None:
        self.one.write_text(one, encoding="utf-8")
        self.other.write_text(other, encoding="utf-8")


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    return Follower(tmp_path)


async def test_only_what_changed_is_taken(follower: Follower) -> None:
    follower.write("a", "a")
    assert await follower.files.refresh() is True
    assert await follower.files.refresh() is False
    follower.write("a", "a")
    assert await follower.files.refresh() is False
    follower.write("b", "b")
    assert await follower.files.refresh() is True
    assert (follower.taken, follower.parsed) == ([b"a", b"b"], 2)


async def test_files_swapped_one_after_the_other_change_nothing_until_they_fit(
    follower: Follower,
) -> None:
    follower.write("a", "a")
    await follower.files.refresh()
    follower.write("b", "a")
    with capture_logs() as log:
        for _ in range(3):
            assert await follower.files.refresh() is False
    assert [(line["name"], line["problem"]) for line in log] == [("two words", "they differ")]
    assert (follower.files.problem, follower.parsed) == ("they differ", 2)
    follower.write("b", "b")
    assert await follower.files.refresh() is True
    assert (follower.files.problem, follower.taken) == (None, [b"a", b"b"])


async def test_what_is_put_back_is_no_change_and_no_problem_any_more(follower: Follower) -> None:
    follower.write("a", "a")
    await follower.files.refresh()
    follower.write("b", "a")
    await follower.files.refresh()
    follower.write("a", "a")
    assert await follower.files.refresh() is False
    assert (follower.files.problem, follower.taken) == (None, [b"a"])


async def test_a_file_put_in_the_place_of_another_and_a_turned_link_are_followed(
    follower: Follower, tmp_path: Path
) -> None:
    follower.write("a", "a")
    await follower.files.refresh()
    (tmp_path / "new").write_text("b", encoding="utf-8")
    (tmp_path / "new").replace(follower.one)
    follower.other.unlink()
    (tmp_path / "elsewhere").write_text("b", encoding="utf-8")
    follower.other.symlink_to(tmp_path / "elsewhere")
    assert await follower.files.refresh() is True
    assert follower.taken == [b"a", b"b"]


def _remove(path: Path) -> None:
    path.unlink()


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_longer(path: Path) -> None:
    path.write_bytes(bytes(101))


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_remove, "{} cannot be read (No such file or directory)"),
        (_make_folder, "{} cannot be read (Is a directory)"),
        (_make_pipe, "they differ"),
        (_make_longer, "{} is longer than 100 bytes"),
    ],
)
async def test_what_cannot_be_read_changes_nothing_and_is_logged_once(
    follower: Follower, spoil: Callable[[Path], None], problem: str
) -> None:
    follower.write("a", "a")
    await follower.files.refresh()
    spoil(follower.other)
    with capture_logs() as log:
        for _ in range(3):
            assert await follower.files.refresh() is False
    assert [line["problem"] for line in log] == [problem.format(follower.other)]
    assert follower.taken == [b"a"]


async def test_the_files_are_looked_at_again_and_again(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.001)
    told = asyncio.Event()

    async def changed() -> None:
        told.set()

    running = asyncio.create_task(follower.files.run(changed))
    for word in ("a", "b"):
        follower.write(word, word)
        async with asyncio.timeout(DEADLINE_S):
            await told.wait()
        told.clear()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert follower.taken == [b"a", b"b"]
