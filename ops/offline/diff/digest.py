"""A comparison in the shape of `pulumi preview --json` (pulumi/pulumi: pkg/display/json.go).

Pulumi's own fields have Pulumi's names; what Pulumi has no field for stands under `perch`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from ops.offline.diff.findings import PolicyReport
from ops.offline.diff.model import Change, Comparison, Difference, Op
from ops.offline.diff.money import MonthlyCost

_QUIET = frozenset({Op.OPTIONS, Op.IGNORED})
"""For Pulumi these are `same`."""


def digest(comparison: Comparison, *, seconds: float) -> dict[str, Any]:
    """Return the preview digest.

    Args:
        comparison: what was found.
        seconds: how long it took; Pulumi writes nanoseconds, and so does this.
    """
    return {
        "config": {},
        "steps": [_step(change) for change in comparison.changes],
        "diagnostics": [dict(item) for item in comparison.diagnostics],
        "duration": int(seconds * 1e9),
        "changeSummary": summary(comparison),
        "maybeCorrupt": False,
        "perch": {
            "stack": comparison.stack,
            "base": comparison.base,
            "head": comparison.head,
            "alarms": list(comparison.alarms),
            "outputs": [
                {"name": change.name, "before": change.before, "after": change.after}
                for change in comparison.outputs
            ],
            "policyFindings": _policies(comparison.policies),
            "monthlyCost": _cost(comparison.cost),
            "quotas": _quotas(comparison),
        },
    }


def summary(comparison: Comparison) -> dict[str, int]:
    """Return how many resources of each operation, in Pulumi's words."""
    counted: dict[str, int] = {}
    for change in comparison.changes:
        word = _word(change.op)
        counted[word] = counted.get(word, 0) + 1
    if comparison.same:
        counted[Op.SAME] = counted.get(Op.SAME, 0) + comparison.same
    return counted


def _policies(report: PolicyReport | None) -> dict[str, Any] | None:
    return None if report is None else asdict(report)


def _quotas(comparison: Comparison) -> list[dict[str, Any]] | None:
    if comparison.quotas is None:
        return None
    return [
        {"name": use.quota.name, "code": use.quota.code, "first": use.first, "most": use.most}
        for use in comparison.quotas[1]
    ]


def _cost(cost: MonthlyCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    step = cost.difference
    return {
        "currency": "USD",
        "before": _dollars(step.before_usd),
        "after": _dollars(step.after_usd),
        "difference": _dollars(step.monthly_usd),
        "asOf": step.as_of.isoformat(),
        "items": [
            {
                "resource": line.resource,
                "what": line.what,
                "before": _dollars(line.before_usd),
                "after": _dollars(line.after_usd),
            }
            for line in step.lines
        ],
        "notPriced": list(step.not_priced),
        "notIncluded": list(cost.not_included),
    }


def _dollars(usd: Decimal | None) -> float | None:
    """Return a JSON number; two decimals survive it."""
    return None if usd is None else float(usd)


def _word(op: Op) -> str:
    return str(Op.SAME if op in _QUIET else op)


def _step(change: Change) -> dict[str, Any]:
    step: dict[str, Any] = {
        "op": _word(change.op),
        "urn": change.urn,
        "provider": change.document.get("provider", ""),
    }
    if change.before is not None:
        step["oldState"] = _state(change.before)
    if change.after is not None:
        step["newState"] = _state(change.after)
    if change.differences:
        step["diffReasons"] = sorted({_top(item) for item in change.differences})
        step["detailedDiff"] = {
            item.path: {"kind": item.kind, "inputDiff": True} for item in change.differences
        }
    replacing = sorted({_top(item) for item in change.differences if item.forces_replacement})
    if replacing:
        step["replaceReasons"] = replacing
    step["perch"] = {
        "op": str(change.op),
        "source": change.source,
        "options": {
            name: {"before": before, "after": after}
            for name, (before, after) in change.options.items()
        },
        "ignored": [item.path for item in change.ignored],
        "following": {item.path: item.because for item in change.differences if item.because},
        "renamedFrom": change.renamed_from,
        "alarms": list(change.alarms),
    }
    return step


def _top(difference: Difference) -> str:
    return difference.path.split(".", 1)[0].split("[", 1)[0]


def _state(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource's state as Pulumi writes it, as far as it is known without AWS."""
    options = document["options"]
    return {
        "urn": document["urn"],
        "custom": document["custom"],
        "type": document["type"],
        "inputs": document["inputs"],
        "parent": document["parent"],
        "protect": bool(options.get("protect", False)),
        "provider": document["provider"],
        "dependencies": document["dependencies"],
        "propertyDependencies": document["propertyDependencies"],
        "sourcePosition": document["source"],
        **({"aliases": document["aliases"]} if document["aliases"] else {}),
        **({"retainOnDelete": True} if options.get("retainOnDelete") else {}),
        **({"ignoreChanges": options["ignoreChanges"]} if options.get("ignoreChanges") else {}),
    }
