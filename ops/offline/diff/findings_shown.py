"""What policies say, for people."""

from ops.offline.diff.findings import Finding, PolicyReport
from ops.offline.diff.markup import escaped

_MOST = 10
"""Findings that were there before: more are counted only."""


def shouted(report: PolicyReport) -> list[str]:
    """Return a sentence for each new finding."""
    return [f"NEW FINDING {_said(finding)}" for finding in report.new]


def text(report: PolicyReport) -> list[str]:
    """Return lines for a terminal; new findings stand above everything else, see `shouted`."""
    return [
        f"policies: {summary(report)}",
        *(f"  {line}" for line in _existing(report)),
        *(f"  {line}" for line in _warnings(report)),
    ]


def markdown(report: PolicyReport) -> list[str]:
    """Return lines for a comment."""
    items = [*_existing(report), *_warnings(report)]
    lines = [f"**Policies:** {summary(report)}"]
    return [*lines, "", *(f"- {escaped(item)}" for item in items)] if items else lines


def summary(report: PolicyReport) -> str:
    """Return one line: how many of what."""
    if not report.judged:
        return "not judged"
    counted = (
        (len(report.new), "NEW"),
        (len(report.existing), "as before"),
        (report.excepted, "excepted in writing"),
        (report.unjudged, "to be judged by `pulumi up`"),
    )
    told = [f"{number} {word}" for number, word in counted if number]
    if not (report.new or report.existing):
        told.insert(0, "no findings")
    return ", ".join(told)


def _existing(report: PolicyReport) -> list[str]:
    lines = [f"as before: {_said(finding)}" for finding in report.existing[:_MOST]]
    more = len(report.existing) - _MOST
    return [*lines, f"as before: {more} more"] if more > 0 else lines


def _warnings(report: PolicyReport) -> list[str]:
    overdue = [
        f"warning: the exemption from {item.policy} for {item.resource} is to be reviewed by the"
        f" {item.owner} since {item.review}"
        for item in report.overdue
    ]
    return [*overdue, *(f"warning: {note}" for note in report.notes)]


def _said(finding: Finding) -> str:
    where = f"  ({finding.source})" if finding.source else ""
    about = f"{finding.name}: " if finding.name else ""
    ids = f" [{', '.join(finding.ids)}]" if finding.ids else ""
    return f"{finding.policy}{ids}: {about}{finding.message}{where}"
