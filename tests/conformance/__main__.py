"""`python -m tests.conformance`: run Autobahn's cases against the gateway's server."""

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.conformance.cases import PYTHON, ROOT, Outcome, prepare, run, server
from tests.conformance.deviations import DEVIATIONS, explanation
from tests.conformance.page import SECTIONS, Report, render

PAGE = ROOT / "docs" / "conformance.md"
DEFAULT_MB = 10.0
LARGER_MB = 16
OVER_THE_LIMIT = ("9.1.6", "9.2.6")
TESTED = ("uvicorn", "websockets", "starlette")
TESTERS = ("autobahntestsuite", "autobahn", "twisted")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def versions() -> dict[str, str]:
    """Versions of what is tested, and of what tests in its own environment."""
    ask = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    asked = [str(PYTHON), "-c", ask, *TESTERS]
    told = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    python = {"Python": sys.version.split()[0]}
    return python | {name: version(name) for name in TESTED} | dict(zip(TESTERS, told, strict=True))


def unexplained(outcomes: list[Outcome]) -> list[str]:
    """Deviations nobody has looked at, and explanations of what does not happen any more."""
    new = [
        f"{outcome.id}: {outcome.behavior}, close {outcome.close} {outcome.code}: {outcome.detail}"
        for outcome in outcomes
        if outcome.deviates and explanation(outcome) is None
    ]
    stale = [
        f"{', '.join(one.cases)}: {one.behavior} is explained and did not happen"
        for one in DEVIATIONS
        if not any(one.explains(outcome) for outcome in outcomes)
    ]
    return new + stale


def main() -> int:
    """Run everything, say what is not explained, and write the page where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    parser.add_argument(
        "--uv", default=str(ROOT / ".uv" / "bin" / "uv"), help="the uv to install with"
    )
    parser.add_argument("cases", nargs="*", help="sections or cases; nothing more is judged then")
    options = parser.parse_args()
    prepare(options.uv)
    with server(DEFAULT_MB) as url:
        outcomes = run(url, options.cases or list(SECTIONS))
    if options.cases:
        for outcome in outcomes:
            say(
                " ".join(
                    map(
                        str,
                        (outcome.id, outcome.behavior, outcome.close, outcome.code, outcome.detail),
                    )
                )
            )
        return 0
    with server(LARGER_MB) as url:
        larger = run(url, OVER_THE_LIMIT)
    complaints = unexplained(outcomes) + [
        f"{o.id} at {LARGER_MB} MiB" for o in larger if o.deviates
    ]
    say(f"{len(outcomes)} cases, {sum(o.deviates for o in outcomes)} deviate")
    for complaint in complaints:
        say(f"not explained: {complaint}")
    if options.write and not complaints:
        report = Report(
            at=datetime.now(UTC),
            versions=versions(),
            outcomes=outcomes,
            larger=larger,
            larger_mb=LARGER_MB,
        )
        PAGE.write_text(render(report))
        say(f"written: {PAGE.relative_to(Path.cwd())}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
