"""Writes docs/conformance.md from a run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import fill
from typing import Final

from tests.conformance.cases import Outcome
from tests.conformance.deviations import DEVIATIONS, Deviation

SECTIONS: Final = {
    "1": "Framing",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Closing",
    "9": "Limits and performance",
    "10": "Automatic fragmentation",
    "12": "Compression, payloads",
    "13": "Compression, parameters",
}
"""What the numbers of Autobahn's cases begin with. 8 and 11 have no cases."""

JUDGEMENTS: Final = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run.

    Attributes:
        at: When it was.
        versions: Packages that were tested and that tested.
        outcomes: Of all cases, with the gateway's defaults.
        larger: Of the cases over the default limit, with a larger one.
        larger_mb: That limit in MiB.
    """

    at: datetime
    versions: dict[str, str]
    outcomes: Sequence[Outcome]
    larger: Sequence[Outcome]
    larger_mb: int


def render(report: Report) -> str:
    """Return the page."""
    seconds = sum(outcome.seconds for outcome in report.outcomes)
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    run = _filled(
        f"Last run {report.at:%Y-%m-%d %H:%M} UTC, {len(report.outcomes)} cases in "
        f"{seconds:.0f} s, with {versions}. Again: `make conformance`; it fetches the cases from "
        "the package index, by hash, into `.tools/`, and fails at any deviation that is not "
        "explained below."
    )
    return f"""<!-- Written by `make conformance ARGS=--write`. Do not edit. -->

# WebSocket conformance

The test cases of Autobahn|Testsuite, run on Python 3 against the gateway's own server: uvicorn with
`app.gateway.server.process.build_server` and `GatewayProtocol`, and an application that sends every
message back. What the gateway says above that is tested in `tests/app/gateway`; `test_hostile.py`
there sends broken frames to its real addresses.

{run}

## Result

{_table(report.outcomes)}

{_closes(report.outcomes)}

With a limit of {report.larger_mb} MiB: {_larger(report.larger)}.

## Deviations

{_deviations(report.outcomes)}

## What this does not show

* Compression: the gateway declines it, so nothing of sections 12 and 13 is exercised.
* TLS, and proxies in between.
* How fast it is: the times of section 9 are those of the tester, in Python, as well.
* That the cases were converted from Python 2 faithfully. What speaks for it: they judge the library
  below as its own authors' runs do, 7.1.5 included.
"""


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = [
        f"| Section | Cases | {' | '.join(JUDGEMENTS)} |",
        f"|---|---|{'---|' * len(JUDGEMENTS)}",
    ]
    for section, title in SECTIONS.items():
        mine = [outcome for outcome in outcomes if outcome.id.split(".")[0] == section]
        lines.append(_row(f"{section} {title}", mine))
    lines.append(_row("**All**", outcomes))
    return "\n".join(lines)


def _row(title: str, outcomes: Sequence[Outcome]) -> str:
    counted = Counter(outcome.behavior for outcome in outcomes)
    numbers = " | ".join(str(counted[judgement] or "") for judgement in JUDGEMENTS)
    return f"| {title} | {len(outcomes)} | {numbers} |"


def _closes(outcomes: Sequence[Outcome]) -> str:
    wrong = [f"{outcome.id} {outcome.close}" for outcome in outcomes if outcome.close != "OK"]
    right = len(outcomes) - len(wrong)
    return _filled(f"How the connection was closed is judged too: {right} OK; {', '.join(wrong)}.")


def _filled(text: str, *, indent: str = "") -> str:
    return fill(text, 100, subsequent_indent=indent, break_long_words=False)


def _larger(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(f"{outcome.id} {outcome.behavior}" for outcome in outcomes)


def _deviations(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(_item(one, [o for o in outcomes if one.explains(o)]) for one in DEVIATIONS)


def _item(deviation: Deviation, outcomes: Sequence[Outcome]) -> str:
    count = f"{len(outcomes)} cases" if len(outcomes) > 1 else "1 case"
    codes = " or ".join(str(code) for code in sorted({o.code for o in outcomes if o.code}))
    where = ", ".join(deviation.cases)
    item = f"* **{where}** ({count}, {deviation.behavior}, closed with {codes}). {deviation.why}"
    return _filled(item, indent="  ")
