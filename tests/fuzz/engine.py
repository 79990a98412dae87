"""Runs targets in this process: `python -m tests.fuzz.engine MODULE:NAME ...`.

First the seeds and everything that was found once, then new inputs for so many seconds: by atheris,
which is guided by the branches that an input takes, or by hypothesis, which mutates the seeds.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import resource
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import structlog
from hypothesis import strategies as st

from tests.fuzz.findings import Findings, kept
from tests.fuzz.noted import Notes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.target import Target

ENGINES: Final = ("atheris", "hypothesis")
_EXAMPLES: Final = 200
"""Of hypothesis in one go: between them the clock is looked at."""


class MemoryGrewError(AssertionError):
    """An input took more memory than its target may."""


class TookLongError(AssertionError):
    """An input took more of the processor's time than it may."""


class Trial:
    """Tries inputs, and writes down which break a promise.

    Args:
        target: What is fuzzed.
        folder: Where notes and findings lie.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._target = target
        self._findings = Findings(folder / "findings")
        self._notes = Notes(folder, target.longest)
        self._may_have_kib: int | None = None

    def know(self, inputs: Sequence[bytes]) -> None:
        """Try what is known; the memory that this takes is what the process begins with."""
        for data in inputs:
            self.one(data)
        # Once more: what is made on the first use is made now.
        for data in inputs:
            self.one(data)
        self._notes.start_over(_peak_kib())
        self._may_have_kib = _peak_kib() + 1024 * self._target.grown_mib

    def one(self, data: bytes) -> None:
        """Try one input."""
        data = data[: self._target.longest]
        self._notes.begin(data)
        begun = time.process_time()
        try:
            self._target.check(data)
            self._look_at(time.process_time() - begun)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self._findings.add(data, error)
        self._notes.end(_peak_kib())

    def _look_at(self, took_s: float) -> None:
        if took_s > self._target.input_s:
            raise TookLongError(f"{took_s:.1f} s of CPU; promised: {self._target.input_s}")
        if self._may_have_kib is not None and (peak := _peak_kib()) > self._may_have_kib:
            over, self._may_have_kib = peak - self._may_have_kib, peak
            raise MemoryGrewError(f"{over} KiB beyond the {self._target.grown_mib} MiB promised")


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def by_hypothesis(trial: Trial, seeds: Sequence[bytes], seconds: float) -> None:
    """Mutate the seeds until the time is over; the same mutations in every run."""
    until = time.monotonic() + seconds
    for number in count():
        if time.monotonic() >= until:
            return

        @hypothesis.seed(number)
        @hypothesis.settings(
            max_examples=_EXAMPLES,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(mutated(seeds))
        def some(data: bytes) -> None:
            if time.monotonic() < until:
                trial.one(data)

        some()


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Return a seed with some bytes overwritten, put in, or taken out, and ends of two joined."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        piece = draw(st.binary(max_size=4) | st.sampled_from([b"\0" * 8, b"\xff" * 8, b"9" * 40]))
        match draw(st.sampled_from(["overwrite", "put in", "take out", "join"])):
            case "overwrite":
                data[at : at + len(piece)] = piece
            case "put in":
                data[at:at] = piece
            case "take out":
                del data[at : at + draw(st.integers(1, 64))]
            case _:
                other = draw(st.sampled_from(seeds))
                data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


def by_atheris(target: Target, seconds: float, folder: Path, seeds: Sequence[bytes]) -> None:
    """Let libFuzzer look for inputs that take new branches; ends the process.

    What it has come to know stays in the folder, and the next run begins with it.
    """
    atheris = importlib.import_module("atheris")  # it is not everywhere
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    trial = Trial(target, folder)
    trial.know(seeds)
    for number, data in enumerate(seeds):
        (corpus / f"seed-{number:03}").write_bytes(data)
    options = [
        f"-max_total_time={seconds:.0f}",
        f"-max_len={target.longest}",
        f"-timeout={3 * target.input_s}",
        "-rss_limit_mb=0",  # looked at here, after each input
        "-verbosity=0",
        f"-artifact_prefix={folder}/native-",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], trial.one)
    atheris.Fuzz()


def _load(reference: str, *, watching: bool) -> Target:
    module, _, place = reference.partition(":")
    if watching:
        atheris = importlib.import_module("atheris")
        # What is imported now is instrumented.
        with atheris.instrument_imports(include=list(_ROOTS)):
            imported = importlib.import_module(module)
    else:
        imported = importlib.import_module(module)
    target: Target = imported.TARGETS[place]
    return target


_ROOTS: Final = (
    "app",
    "h11",
    "itsdangerous",
    "jwt",
    "python_multipart",
    "starlette",
    "uvicorn",
    "websockets",
)
"""Of packages that parse: their branches guide atheris."""


def main(arguments: Sequence[str]) -> int:
    """Run targets one after the other; what was found lies in a folder each."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.engine", description=__doc__)
    parser.add_argument("targets", nargs="+", help="MODULE:NAME, of that module's TARGETS")
    parser.add_argument("--by", choices=ENGINES, default="hypothesis")
    parser.add_argument("--seconds", type=float, required=True, help="of new inputs")
    parser.add_argument("--folder", type=Path, required=True, help="of notes and findings")
    options = parser.parse_args(arguments)
    if options.by == "atheris" and len(options.targets) > 1:
        parser.error("atheris ends its process: one target")
    # The gateway's log says of each input that it was refused.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for reference in options.targets:
        target = _load(reference, watching=options.by == "atheris")
        folder = options.folder / target.name
        folder.mkdir(parents=True, exist_ok=True)
        seeds = [*target.seeds(), *kept(target)]
        if options.by == "atheris":
            by_atheris(target, options.seconds, folder, seeds)
        else:
            trial = Trial(target, folder)
            trial.know(seeds)
            by_hypothesis(trial, seeds, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
