"""A comparison for people: a terminal, and a comment on a pull request."""

import difflib
import json
from collections.abc import Iterator

from ops.offline.diff import findings_shown, money_shown, quotas_shown
from ops.offline.diff.markup import escaped
from ops.offline.diff.model import Change, Comparison, Difference, Op

_MARKS = {
    Op.CREATE: "+",
    Op.IMPORT: "=",
    Op.READ: ">",
    Op.UPDATE: "~",
    Op.REPLACE: "+-",
    Op.DELETE: "-",
    Op.DISCARD: "<",
    Op.OPTIONS: "*",
    Op.IGNORED: ".",
}
"""Pulumi's own marks where it has one."""

_WORDS = {
    Op.CREATE: "to create",
    Op.IMPORT: "to import",
    Op.READ: "to read",
    Op.UPDATE: "to update",
    Op.REPLACE: "to REPLACE",
    Op.DELETE: "to DELETE",
    Op.DISCARD: "to let go",
    Op.OPTIONS: "with other options",
    Op.IGNORED: "with ignored changes",
    Op.SAME: "unchanged",
}

_ORDER = (
    Op.REPLACE,
    Op.DELETE,
    Op.DISCARD,
    Op.CREATE,
    Op.IMPORT,
    Op.READ,
    Op.UPDATE,
    Op.OPTIONS,
    Op.IGNORED,
)
"""What must not be overlooked comes first."""

_LONGEST = 120
"""Characters of one value; what is longer is cut in the middle."""

_MOST_LINES = 40
"""Lines of a text's difference, user data mostly."""


def text(comparison: Comparison) -> str:
    """Render a comparison for a terminal."""
    lines = [f"{comparison.stack}: {comparison.base} -> {comparison.head}", ""]
    shouted = _shouted(comparison)
    lines += [f"  !! {alarm}" for alarm in shouted]
    if shouted:
        lines.append("")
    for change in _ordered(comparison):
        lines.append(f"  {_MARKS[change.op]:>2} {_headline(change)}")
        lines += [f"        {line}" for line in _details(change)]
    if comparison.outputs:
        lines += ["", "  outputs"]
        lines += [
            f"     ~ {change.name}: {_shown(change.before)} -> {_shown(change.after)}"
            for change in comparison.outputs
        ]
    told = []
    if comparison.policies is not None:
        told += findings_shown.text(comparison.policies)
    if comparison.cost is not None:
        told += money_shown.text(comparison.cost)
    if comparison.quotas is not None:
        told += quotas_shown.lines(comparison.quotas)
    if told:
        lines += [*([""] if lines[-1] else []), *(f"  {line}" for line in told)]
    lines += ["", f"  {summary(comparison)}"]
    return "\n".join(lines) + "\n"


def markdown(comparison: Comparison) -> str:
    """Render a comment on a pull request: alarms open, details folded."""
    lines = [
        f"### `{comparison.stack}`: {summary(comparison)}",
        "",
        f"`{comparison.base}` → `{comparison.head}`",
        "",
    ]
    shouted = _shouted(comparison)
    if shouted:
        lines.append("> [!CAUTION]")
        lines += [f"> **{escaped(alarm)}**  " for alarm in shouted]
        lines.append("")
    if comparison.policies is not None:
        lines += [*findings_shown.markdown(comparison.policies), ""]
    if comparison.cost is not None:
        lines += [*money_shown.markdown(comparison.cost), ""]
    if comparison.quotas is not None:
        lines += [line for told in quotas_shown.lines(comparison.quotas) for line in (told, "")]
    if comparison.changes:
        lines += ["<details><summary>Resources</summary>", "", "```diff"]
        for change in _ordered(comparison):
            lines.append(f"{_diff_sign(change.op)} {_headline(change)}".replace("`", "'"))
            lines += [f"    {line}".replace("`", "'") for line in _details(change)]
        lines += ["```", "", "</details>", ""]
    if comparison.outputs:
        lines += ["| output | before | after |", "|---|---|---|"]
        lines += [
            f"| `{change.name}` | `{_cell(change.before)}` | `{_cell(change.after)}` |"
            for change in comparison.outputs
        ]
        lines.append("")
    return "\n".join(lines)


def summary(comparison: Comparison) -> str:
    """Return one line: how many of what."""
    counted = [
        f"{comparison.count(op)} {_WORDS[op]}" for op in (*_ORDER, Op.SAME) if comparison.count(op)
    ]
    return ", ".join(counted) or "nothing here"


def _shouted(comparison: Comparison) -> list[str]:
    """Return what must not be overlooked: new findings of the policies, then alarms."""
    new = findings_shown.shouted(comparison.policies) if comparison.policies else []
    return [*new, *comparison.alarms]


def _ordered(comparison: Comparison) -> list[Change]:
    return sorted(comparison.changes, key=lambda change: (_ORDER.index(change.op), change.urn))


def _headline(change: Change) -> str:
    op = change.op.upper() if change.op in {Op.REPLACE, Op.DELETE} else change.op
    place = f"  ({change.source})" if change.source else ""
    return f"{op:<8} {change.type} {change.name}{place}"


def _details(change: Change) -> Iterator[str]:
    if change.renamed_from:
        yield f"was {change.renamed_from}"
    for item in change.differences:
        yield from _difference(item)
    for name, (before, after) in change.options.items():
        yield f"option {name}: {_shown(before)} -> {_shown(after)}"
    for item in change.ignored:
        yield f"ignored {item.path}: {_shown(item.before)} -> {_shown(item.after)}"


def _difference(item: Difference) -> Iterator[str]:
    note = "  forces replacement" if item.forces_replacement else ""
    if item.because:
        note += f"  (follows {item.because})"
    if isinstance(item.before, str) and isinstance(item.after, str):
        before, after = item.before.splitlines(), item.after.splitlines()
        if len(before) > 1 and len(after) > 1:
            yield f"{item.path}:{note}"
            yield from _line_difference(before, after)
            return
    yield f"{item.path}: {_shown(item.before)} -> {_shown(item.after)}{note}"


def _line_difference(before: list[str], after: list[str]) -> Iterator[str]:
    changed = [
        line
        for line in difflib.unified_diff(before, after, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    for line in changed[:_MOST_LINES]:
        yield f"  {line[0]} {_cut(line[1:].strip())}"
    if len(changed) > _MOST_LINES:
        yield f"  ... {len(changed) - _MOST_LINES} more lines"


def _shown(value: object) -> str:
    return "(none)" if value is None else _cut(json.dumps(value, ensure_ascii=False))


def _cut(shown: str) -> str:
    if len(shown) <= _LONGEST:
        return shown
    half = (_LONGEST - 5) // 2
    return f"{shown[:half]} ... {shown[-half:]}"


def _cell(value: object) -> str:
    return _shown(value).replace("|", "\\|").replace("`", "'")


def _diff_sign(op: Op) -> str:
    """Return the first character by which GitHub colours a line."""
    if op in {Op.REPLACE, Op.DELETE, Op.DISCARD}:
        return "-"
    return "+" if op in {Op.CREATE, Op.IMPORT} else "!" if op is Op.UPDATE else " "
