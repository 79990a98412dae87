"""A monthly cost for people."""

from decimal import Decimal

from ops.cost import LineDifference
from ops.offline.diff.markup import cell, escaped
from ops.offline.diff.money import MonthlyCost

_UNKNOWN = "not known"
_ABSENT = "(none)"


def text(cost: MonthlyCost) -> list[str]:
    """Return lines for a terminal."""
    lines = [f"cost a month: {_sums(cost)}"]
    lines += [
        f"  {line.resource}, {line.what}: {' -> '.join(_item(cost, line))}"
        for line in _by_weight(cost)
    ]
    return [*lines, *(f"  {sentence}" for sentence in _limits(cost))]


def markdown(cost: MonthlyCost) -> list[str]:
    """Return lines for a comment; items and limits folded."""
    lines = [f"**Cost a month:** {_sums(cost)}"]
    limits = _limits(cost)
    if not (cost.difference.lines or limits):
        return lines
    lines += ["", "<details><summary>What is in it</summary>", ""]
    if cost.difference.lines:
        lines += ["| resource | what | before | after |", "|---|---|---|---|"]
        lines += [
            f"| {cell(line.resource)} | {cell(line.what)} | {' | '.join(_item(cost, line))} |"
            for line in _by_weight(cost)
        ]
        lines.append("")
    for sentence in limits:
        lines += [escaped(sentence), ""]
    return [*lines, "</details>"]


def _sums(cost: MonthlyCost) -> str:
    step = cost.difference
    dated = f"list prices known since {step.as_of.isoformat()}"
    if step.before_usd == step.after_usd and step.after_usd is not None and not step.lines:
        return f"{_usd(step.after_usd)} USD, unchanged ({dated})"
    sums = f"{_usd(step.before_usd)} -> {_usd(step.after_usd)} USD"
    return f"{sums}, {_signed(step.monthly_usd)} ({dated})"


def _limits(cost: MonthlyCost) -> list[str]:
    """Return what the sums leave out, one line each."""
    found = (
        ("not priced", cost.difference.not_priced),
        ("not included", cost.not_included),
    )
    return [f"{label}: {'; '.join(sentences)}" for label, sentences in found if sentences]


def _by_weight(cost: MonthlyCost) -> list[LineDifference]:
    """Sort by what moves the bill most, behind what nobody can price."""
    return sorted(cost.difference.lines, key=_weight)


def _weight(line: LineDifference) -> tuple[bool, Decimal]:
    known = [usd for usd in (line.before_usd, line.after_usd) if usd is not None]
    step = (line.after_usd or Decimal(0)) - (line.before_usd or Decimal(0))
    return bool(known), -abs(step)


def _item(cost: MonthlyCost, line: LineDifference) -> tuple[str, str]:
    """Return before and after; what is not there is not what nobody can price."""
    key = (line.resource, line.what)
    return (
        _ABSENT if key in cost.added else _usd(line.before_usd),
        _ABSENT if key in cost.removed else _usd(line.after_usd),
    )


def _usd(usd: Decimal | None) -> str:
    return _UNKNOWN if usd is None else f"{usd:,.2f}"


def _signed(usd: Decimal | None) -> str:
    return f"a difference that is {_UNKNOWN}" if usd is None else f"{usd:+,.2f}"
