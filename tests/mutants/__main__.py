"""Break the product in a sample of small ways, and say which of them no test notices.

The sample is drawn by a fixed seed, so the same tree gives the same one. A mutant is tried with
the tests that run its line, the fastest first, for as many seconds of them as `--budget` allows;
those marked slow are left out. Programs that tests start are broken too, but nobody notes which
lines they run. A script is tried with the tests that start it, then with the others of its package.
What makes no difference to anybody is listed, with the reason, in tests/mutants/equivalent.py.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from tests.mutants import equivalent
from tests.mutants.covering import Covering
from tests.mutants.source import Mutant, mutants_of
from tests.mutants.trial import Tree, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "build" / "mutants"
COVERING_S: Final = 3600.0
START_S: Final = 120.0
START_CPU_S: Final = 30
"""For pytest and the imports of test files: of a clock beside other work, and of a processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A part of the product and the tests that answer for it.

    Attributes:
        sources: Patterns of its files.
        tests: Folders or files.
        but: Patterns of files that belong to another part.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    but: tuple[str, ...] = ()

    def files(self, root: Path) -> list[str]:
        """List its files, from the root of the repository."""
        found = {path for pattern in self.sources for path in root.glob(pattern) if path.is_file()}
        left = {path for pattern in self.but for path in root.glob(pattern)}
        return sorted(path.relative_to(root).as_posix() for path in found - left)

    def sample(self, root: Path, count: int, seed: str) -> list[Mutant]:
        """Draw so many of its mutants, always the same of the same files."""
        every = [mutant for path in self.files(root) for mutant in mutants_of(root, path)]
        # Drawing is no secret.
        drawn = random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311
        return sorted(drawn, key=lambda mutant: (mutant.path, mutant.start))


DOCUMENTS: Final = "tests/repository/test_documents.py"
"""Of every package with numbers that a generated document repeats."""

PACKAGES: Final[Mapping[str, Package]] = {
    "asr": Package(sources=("app/asr/**/*.py",), tests=("tests/app/asr",)),
    "gateway": Package(sources=("app/gateway/**/*.py",), tests=("tests/app/gateway", DOCUMENTS)),
    "identity": Package(
        sources=(
            "app/credentials/*.py",
            "app/gateway/admission/access.py",
            "app/gateway/identity/*.py",
        ),
        tests=(
            "tests/app/credentials",
            "tests/app/gateway/admission/test_policy.py",
            "tests/app/gateway/identity",
        ),
    ),
    "client": Package(sources=("app/client/**/*.py",), tests=("tests/app/client",)),
    "contract": Package(
        sources=("app/contract/**/*.py",),
        tests=("tests/app/contract", DOCUMENTS, "tests/app/gateway/dialects", "tests/app/client"),
    ),
    "recordings": Package(sources=("app/recordings/**/*.py",), tests=("tests/app/recordings",)),
    "infra": Package(
        sources=("infra/**/*.py",),
        # What ops counts with: quotas.
        tests=("tests/infra", DOCUMENTS, "tests/ops/cost/test_quota.py"),
    ),
    "boot": Package(sources=("infra/boot/scripts/*",), tests=("tests/infra/boot",)),
    "ops": Package(sources=("ops/**/*.py",), tests=("tests/ops",)),
}


def covering(name: str, tree: Tree, *, again: bool) -> Covering:
    """Return which tests run what in a package; from an earlier run where there is one."""
    target = FOLDER / f"covering-{name}.json"
    if target.exists() and not again:
        return Covering.read(target)
    tests = [path for path in PACKAGES[name].tests if (ROOT / path).exists()]
    return tree.cover(tests, target, COVERING_S)


def tried(
    package: Package, covered: Covering, trees: Sequence[Tree], options: argparse.Namespace
) -> dict[Mutant, Verdict]:
    """Try a package's sample, as many at a time as there are trees.

    It is drawn from a copy: who works on the repository meanwhile changes nothing.
    """
    root = trees[0].folder
    free: SimpleQueue[Tree] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def one(mutant: Mutant) -> Verdict:
        if equivalent.reason(root, mutant):
            return "equivalent"
        if mutant.path.endswith(".py"):
            steps = covered.steps(mutant.path, mutant.line, options.budget)
        else:
            steps = [covered.tests_of_script(mutant.path, package.files(root), options.budget)]
        tree = free.get()
        verdict: Verdict = "not run by any test"
        try:
            for tests in steps:
                took = covered.took(tests)
                verdict = tree.try_out(
                    mutant, tests, START_S + 10 * took, START_CPU_S + math.ceil(3 * took)
                )
                if verdict != "survived":
                    break
        finally:
            free.put(tree)
        # It takes long: who waits sees it come further.
        sys.stderr.write(f"{verdict}: {mutant}\n")
        return verdict

    mutants = package.sample(root, options.count, options.seed)
    with ThreadPoolExecutor(len(trees)) as pool:
        return dict(zip(mutants, pool.map(one, mutants), strict=True))


def report(name: str, verdicts: Mapping[Mutant, Verdict]) -> tuple[str, float]:
    """Say what came of a package, and which share was noticed of what makes a difference."""
    counts = Counter(verdicts.values())
    share = (counts["killed"] + counts["timed out"]) / max(1, len(verdicts) - counts["equivalent"])
    lines = [f"  {verdict}: {mutant}" for mutant, verdict in verdicts.items() if _lives(verdict)]
    every = ", ".join(f"{verdict} {number}" for verdict, number in sorted(counts.items()))
    head = f"{name:<12}{len(verdicts):>5} drawn {share:>6.0%} noticed ({every})"
    return "\n".join([head, *lines]), share


def _lives(verdict: Verdict) -> bool:
    return verdict in {"survived", "unclear", "not run by any test"}


def main(arguments: Sequence[str]) -> int:
    """Try the packages; 1 where less was noticed than is wanted."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", help=f"of {', '.join(PACKAGES)}; all without any")
    parser.add_argument("--count", type=int, default=30, help="mutants of a package (30)")
    parser.add_argument("--seed", default="1", help="of the sample (1)")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests each (20)")
    parser.add_argument("--at-least", type=float, default=0.0, help="per cent wanted (0)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time (2)")
    parser.add_argument("--again", action="store_true", help="note anew which tests run what")
    options = parser.parse_args(arguments)
    unknown = set(options.packages) - set(PACKAGES)
    if unknown:
        parser.error(f"no packages: {', '.join(sorted(unknown))}")
    trees = [Tree(ROOT, FOLDER / f"tree-{number}") for number in range(max(1, options.jobs))]
    shares = []
    try:
        for name in options.packages or PACKAGES:
            covered = covering(name, trees[0], again=options.again)
            text, share = report(name, tried(PACKAGES[name], covered, trees, options))
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
            shares.append(share)
    finally:
        for tree in trees:
            tree.close()
    return int(100 * min(shares) < options.at_least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
