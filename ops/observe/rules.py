"""Makes Prometheus' recording rules and alerts of the objectives. Pure.

Names of records are those of slok/sloth: `slo:sli_error:ratio_rate5m`, with the objective's slug as
the label `slo`.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from infra.catalogue.objectives import BURNS, MIN_EVENTS, OBJECTIVES, Burn, Objective, Series
from ops.observe.symptoms import BY, SYMPTOMS

RUNBOOKS: Final = "runbooks"
"""Where an alert's page is, from the repository's root."""
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
_HEAD: Final = (
    "# Written by `python -m tests.docs --write` from infra/catalogue/objectives.py. DO NOT EDIT.\n"
)

Rule = dict[str, Any]


def rules_file() -> str:
    """Return the rule file: records and alerts of each objective, then the other alerts."""
    groups = [
        *(
            {
                "name": f"perch-{one.slug}",
                "interval": "30s",
                "rules": [*_records(one), *_alerts(one)],
            }
            for one in OBJECTIVES
        ),
        {"name": "perch-symptoms", "rules": list(_symptoms())},
    ]
    text: str = yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, width=1_000)
    return _HEAD + text


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as they stand."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def alert_name(objective: Objective) -> str:
    """Return an objective's alert: `final-late` is `PerchFinalLate`."""
    return "Perch" + "".join(word.capitalize() for word in objective.slug.split("-"))


def bad_share(objective: Objective, window: str) -> str:
    """Return PromQL for the share of bad events in a window, by environment and colour."""
    total = _added(objective.all, "rate", window)
    if objective.bad is not None:
        return f"{_added((objective.bad,), 'rate', window)} / {total}"
    if objective.good is None:
        raise ValueError(f"objective {objective.slug} counts neither good nor bad events")
    return f"1 - {_added((objective.good,), 'rate', window)} / {total}"


def _added(series: tuple[Series, ...], function: str, window: str) -> str:
    names = "|".join(one.counter for one in series)
    selector = series[0].selector if len(series) == 1 else f'{{__name__=~"{names}"}}'
    return f"sum by ({BY}) ({function}({selector}[{window}]))"


def _records(objective: Objective) -> Iterator[Rule]:
    labels = {"slo": objective.slug}
    for window in WINDOWS:
        yield {
            "record": f"slo:sli_error:ratio_rate{window}",
            "expr": bad_share(objective, window),
            "labels": dict(labels),
        }
    yield {
        "record": "slo:sli_events:increase1h",
        "expr": _added(objective.all, "increase", "1h"),
        "labels": dict(labels),
    }
    yield {
        "record": "slo:objective:ratio",
        "expr": f"vector({objective.target})",
        "labels": dict(labels),
    }


def _alerts(objective: Objective) -> Iterator[Rule]:
    for severity in dict.fromkeys(burn.severity for burn in BURNS):
        burns = [burn for burn in BURNS if burn.severity == severity]
        enough = f'slo:sli_events:increase1h{{slo="{objective.slug}"}} >= {MIN_EVENTS}'
        either = "\nor\n".join(_burning(objective, burn) for burn in burns)
        yield {
            "alert": alert_name(objective),
            "expr": f"(\n{either}\n)\nand\n{enough}",
            "labels": {"severity": severity, "slo": objective.slug},
            "annotations": {
                "summary": objective.meaning,
                "description": f"Promised: {objective.promise}. Not so of "
                "{{ $value | humanizePercentage }} on {{ $labels.environment }} "
                "{{ $labels.colour }}.",
                "runbook_url": f"{RUNBOOKS}/{objective.slug}.md",
                "dashboard": "perch-overview",
            },
        }


def _burning(objective: Objective, burn: Burn) -> str:
    slo, share = f'{{slo="{objective.slug}"}}', burn.share(objective)
    return (
        f"slo:sli_error:ratio_rate{burn.long}{slo} > {share:g} and "
        f"slo:sli_error:ratio_rate{burn.short}{slo} > {share:g}"
    )


def _symptoms() -> Iterator[Rule]:
    for one in SYMPTOMS:
        yield {
            "alert": one.alert,
            "expr": one.expr,
            "for": one.lasts,
            "labels": {"severity": one.severity},
            "annotations": {
                "summary": one.meaning,
                "runbook_url": f"{RUNBOOKS}/{one.runbook}.md",
                "dashboard": "perch-overview",
            },
        }
