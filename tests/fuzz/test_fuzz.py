"""Every parser keeps its promises for what is known, and for a moment of what is not.

`make fuzz` looks longer. Native code, as libsndfile, is run but not guided into; ffmpeg is not run.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.__main__ import ROOT, fuzz, main, reference_of
from tests.fuzz.findings import KEPT
from tests.fuzz.targets.every import TARGETS
from tests.fuzz.targets.frames import messages_of
from tests.support.frames import frame

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = [
    "hypothesis",
    pytest.param(
        "atheris",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("atheris") is None,
            reason="atheris is not installed: it is for Linux on x86-64, Python 3.11 to 3.13",
        ),
    ),
]


def test_seeds_and_what_was_found_once_keep_every_promise(tmp_path: Path) -> None:
    references = [reference_of(name) for name in TARGETS]
    command = [sys.executable, "-m", "tests.fuzz.engine", *references, "--seconds", "0"]
    subprocess.run([*command, "--folder", str(tmp_path)], cwd=ROOT, check=True)
    assert {path.name for path in tmp_path.iterdir()} == set(TARGETS)
    said = [path.read_text() for path in tmp_path.glob("*/findings/*.txt")]
    assert not said, said[0]


@pytest.mark.slow
@pytest.mark.parametrize("by", ENGINES)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.timeout(400)
def test_a_few_seconds_of_what_nobody_sane_sends_keep_every_promise(
    name: str, by: str, tmp_path: Path
) -> None:
    row = fuzz(name, reference_of(name), by=by, seconds=4.0, folder=tmp_path)
    said = [path.read_text() for path in tmp_path.glob("*/findings/*.txt")]
    assert not said, said[0]
    assert row.failure == "", (tmp_path / name / "log").read_text()
    assert row.noted.executions > 0, "nothing was tried"


@pytest.mark.slow
@pytest.mark.parametrize("by", ENGINES)
@pytest.mark.parametrize("defect", ["raises", "grows", "dies", "takes-long"])
@pytest.mark.timeout(400)
def test_a_planted_defect_is_found(defect: str, by: str, tmp_path: Path) -> None:
    row = fuzz(defect, f"tests.fuzz.planted:{defect}", by=by, seconds=6.0, folder=tmp_path)
    (found, *_) = tmp_path.glob("*/findings/*.bin")
    assert row.findings
    if defect != "grows":
        assert found.read_bytes()[1:2] > b"e"
    assert bool(row.failure) == (defect == "dies")


def test_what_was_found_once_belongs_to_a_target() -> None:
    assert {path.name for path in KEPT.iterdir()} <= set(TARGETS)
    assert list(KEPT.glob("*/*.bin"))


def test_the_command_names_its_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TARGETS)


def test_the_decoder_that_frames_are_compared_with_reads_what_was_written() -> None:
    data = frame(1, b"ab", fin=False) + frame(9, b"?") + frame(0, b"c" * 300) + frame(2, b"")
    assert list(messages_of(data)) == [(1, b"ab" + b"c" * 300), (2, b"")]
