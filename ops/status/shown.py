"""The report in words, as a person reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ops.recognition import MEANING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ops.status.report import ColourFact, CostFact, MachineFact, Report, TargetFact

NOT_KNOWN: Final = "not known"
WIDTH: Final = 13
DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)


def lines(report: Report) -> Iterator[str]:
    """Yield the report, a line a fact."""
    where = "on this machine" if report.is_local else f"in {report.region}"
    yield f"stack {report.stack} {where}, {report.at:%Y-%m-%d %H:%M:%S} UTC"
    yield _row("endpoint", report.endpoint_url)
    days = report.certificate_days
    yield _row("certificate", NOT_KNOWN if days is None else f"valid for {days} more days")
    yield _row("recognition", _recognition(report.recognition))
    yield _row("in service", report.in_service or NOT_KNOWN)
    yield from _release(report)
    yield _row("sessions", _number(report.sessions))
    if report.alarms is not None:
        yield _row("alarms", f"{len(report.alarms) or 'none'} in ALARM")
        for alarm in report.alarms:
            since = "" if alarm.since is None else f" since {alarm.since:%Y-%m-%d %H:%M} UTC"
            yield _row("", f"{alarm.name}{since}: {alarm.why}")
    if report.cost is not None:
        yield _row("cost so far", _cost(report.cost))
        for reason in report.cost.not_priced:
            yield _row("", f"not in it: {reason}")
    for colour in report.colours:
        yield ""
        yield from _colour(colour, report)
    if report.processes is not None:
        yield ""
        yield "processes"
        for process in report.processes:
            ended = "" if process.is_running else ", which has ended"
            yield _row(f"  {process.name}", f"process {process.pid}{ended}")
    if report.not_known:
        yield ""
        yield "not known"
        for fact, reason in report.not_known.items():
            yield f"  {fact}: {reason}"


def _release(report: Report) -> Iterator[str]:
    release = report.release
    if release is None:
        yield _row("release", NOT_KNOWN if "release" in report.not_known else "none so far")
        return
    over = release.next is None
    what = release.phase.replace("_", " ") + ("" if over else f" at {release.weight} %")
    yield _row(
        "release",
        f"{release.baseline} to {release.canary}: {what} since "
        f"{release.changed_at:%Y-%m-%d %H:%M} UTC"
        + (f", because {release.reason}" if release.reason else ""),
    )
    if not over:
        if release.operator is not None:
            gone = "" if release.operator_is_there else ", who has given no sign for minutes"
            yield _row("", f"by {release.operator}{gone}")
        yield _row("", f"next: {release.next}")


def _row(name: str, text: str) -> str:
    return f"{name:<{WIDTH}} {text}".rstrip()


def _recognition(position: str | None) -> str:
    if position is None:
        return NOT_KNOWN
    meaning = MEANING.get(position, "no position of the switch; machines do not follow")
    return f"{position}: {meaning.removesuffix(', {where}')}"


def _number(sessions: float | None) -> str:
    return NOT_KNOWN if sessions is None else f"{sessions:g} active"


def _cost(cost: CostFact) -> str:
    if cost.usd is None:
        return NOT_KNOWN
    return (
        f"{cost.usd} USD, {cost.usd_per_hour:.3f} an hour: an estimate for the machines that run, "
        f"since their launch, at the list prices of {cost.as_of}"
    )


def _colour(colour: ColourFact, report: Report) -> Iterator[str]:
    weight = NOT_KNOWN if colour.weight is None else str(colour.weight)
    yield f"{colour.colour}, weight {weight}, sessions: {_number(colour.sessions)}"
    if colour.machines is not None:
        yield _row(
            "  machines",
            f"{len(colour.machines)} of {colour.desired} asked for; "
            f"accepted: {colour.fewest} to {colour.most}",
        )
        for machine in colour.machines:
            yield _row("", _machine(machine, report.at))
    elif not report.is_local:
        yield _row("  machines", NOT_KNOWN)
    if colour.targets is None:
        yield _row("  targets", NOT_KNOWN)
    else:
        yield _row("  targets", ", ".join(map(_target, colour.targets)) or "none")
    yield _row("  recogniser", colour.image)
    yield _row("  selector", colour.selector)
    yield _row("  model", colour.model or "the recogniser's own choice")
    yield _row("  gateway", colour.gateway_artifact)
    yield _row("  running", NOT_KNOWN if colour.version is None else f"gateway {colour.version}")
    if not report.is_local:
        yield _row("  image", colour.ami_id)


def _machine(machine: MachineFact, now: datetime) -> str:
    age = "" if machine.launched_at is None else f", up {_age(now - machine.launched_at)}"
    spot = ", spot" if machine.is_spot else ""
    return f"{machine.id} {machine.type} in {machine.zone}: {machine.state}{age}{spot}"


def _target(target: TargetFact) -> str:
    return f"{target.id} {target.state}" + (f" ({target.reason})" if target.reason else "")


def _age(span: timedelta) -> str:
    if span >= DAY:
        return f"{span // DAY} d {span % DAY // HOUR} h"
    return f"{span // HOUR} h {span % HOUR // MINUTE} min"
