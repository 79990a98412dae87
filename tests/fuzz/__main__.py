"""`make fuzz`: give everything that parses a stranger's bytes what nobody sane sends.

Each target runs in a process of its own for so many seconds. What breaks a promise lies in
build/fuzz/NAME/findings afterwards, as it is and with what was raised; once mended it goes to
tests/fuzz/found/NAME, where every run begins. Exits with 1 where there is a finding, with 2 for
wrong arguments.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.fuzz.findings import write
from tests.fuzz.noted import Noted
from tests.fuzz.targets.every import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "build" / "fuzz"
SECONDS: Final = 15.0
_GRACE_S: Final = 900.0
"""For a process to start, try what is known and end, on a machine that does much else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one target.

    Attributes:
        name: Of the target.
        by: The engine.
        noted: What its process noted.
        seconds: From its start to its end.
        findings: How many there are.
        failure: Why the process ended otherwise than it should; empty where it did not.
    """

    name: str
    by: str
    noted: Noted
    seconds: float
    findings: int
    failure: str = ""

    @property
    def line(self) -> str:
        """Its line of the table."""
        grown = (self.noted.peak_kib - self.noted.begun_kib) / 1024
        return (
            f"{self.name:<16}{self.by:<12}{self.noted.executions:>10,}{self.seconds:>8.0f}"
            f"{grown:>8.0f}{self.findings:>10}  {self.failure}"
        ).rstrip()


HEAD: Final = f"{'target':<16}{'engine':<12}{'inputs':>10}{'seconds':>8}{'MiB':>8}{'findings':>10}"


def best_engine() -> str:
    """Return atheris where it is installed, else hypothesis."""
    return "hypothesis" if importlib.util.find_spec("atheris") is None else "atheris"


def fuzz(name: str, reference: str, *, by: str, seconds: float, folder: Path) -> Row:
    """Run one target in a process of its own, and say what came of it.

    Args:
        name: Of the target.
        reference: MODULE:NAME of it.
        by: The engine.
        seconds: Of new inputs.
        folder: Has one for each target: for notes, findings, and what atheris has come to know.
    """
    base, folder = folder, folder / name
    shutil.rmtree(folder / "findings", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.engine", reference, "--by", by]
    command += ["--seconds", str(seconds), "--folder", str(base)]
    begun, failure = time.monotonic(), ""
    with (folder / "log").open("wb") as log:
        try:
            ended = subprocess.run(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=seconds + _GRACE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            failure = "it did not end"
        else:
            if ended.returncode:
                failure = f"it ended with {ended.returncode}"
    noted = Noted.read(folder)
    if failure and noted.unfinished is not None:
        write(folder / "findings", noted.unfinished, f"{failure}; its log is {folder / 'log'}")
    findings = len(list((folder / "findings").glob("*.bin")))
    return Row(
        name=name,
        by=by,
        noted=noted,
        seconds=time.monotonic() - begun,
        findings=findings,
        failure=failure,
    )


def reference_of(name: str) -> str:
    """Return MODULE:NAME of a target."""
    return f"tests.fuzz.targets.every:{name}"


def main(arguments: Sequence[str]) -> int:
    """Fuzz what is asked for; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(TARGETS), metavar="NAME")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of each target ({SECONDS:g})"
    )
    parser.add_argument("--by", choices=("atheris", "hypothesis"), default=best_engine())
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of findings")
    options = parser.parse_args(arguments)
    if options.list:
        _say("\n".join(f"{target.name:<16}{target.title}" for target in TARGETS.values()))
        return 0
    if options.by == "hypothesis":
        _say("atheris is not used: it is for Linux on x86-64 and Python 3.11 to 3.13")
    _say(HEAD)

    def one(name: str) -> Row:
        row = fuzz(
            name,
            reference_of(name),
            by=options.by,
            seconds=options.seconds,
            folder=options.folder,
        )
        _say(row.line)
        return row

    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        rows = list(pool.map(one, options.only or TARGETS))
    for row in rows:
        for path in sorted((options.folder / row.name / "findings").glob("*.txt")):
            _say(f"\n{path}\n{path.read_text(encoding='utf-8')}")
    return 1 if any(row.findings or row.failure for row in rows) else 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the product


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
