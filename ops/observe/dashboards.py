"""Makes Grafana's JSON of the panels. Pure.

By the rules of grafana/dashboard-linter: the data source, job and instance are variables, every
panel has a title, a description and a unit, and nobody edits what the next run writes anew.
"""

import json
from typing import Any, Final

from ops.observe.panels import Panel, Screen

_COLUMNS: Final = 3
_WIDTH: Final = 8
_HEIGHT: Final = 8
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(screen: Screen) -> str:
    """Return one dashboard as the JSON that Grafana imports and provisions."""
    document = {
        "uid": screen.uid,
        "title": screen.title,
        "description": screen.about,
        "tags": ["perch"],
        "editable": False,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "utc",
        "links": [
            {
                "title": "Perch",
                "type": "dashboards",
                "tags": ["perch"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "templating": {"list": _variables()},
        "panels": [_panel(number, panel) for number, panel in enumerate(screen.panels)],
    }
    return json.dumps(document, indent=1) + "\n"


def _variables() -> list[dict[str, Any]]:
    choices = [
        {
            "name": name,
            "label": name,
            "type": "query",
            "datasource": _SOURCE,
            "query": f"label_values({query}, {name})",
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".+",
        }
        for name, query in (
            ("job", '{__name__=~"perch_ready|perch_gpu_up"}'),
            ("instance", '{__name__=~"perch_ready|perch_gpu_up", job=~"$job"}'),
        )
    ]
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
    }
    return [source, *choices]


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "gridPos": {
            "x": number % _COLUMNS * _WIDTH,
            "y": number // _COLUMNS * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
        },
        "links": [] if panel.leads_to is None else [_link(panel.leads_to)],
        "fieldConfig": {"defaults": {"unit": panel.unit, **_limit(panel.limit)}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": _SOURCE,
                "expr": expr,
                "legendFormat": legend,
                # Exemplars are points that lead to a stream's trace.
                "exemplar": "_bucket" in expr,
            }
            for place, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


def _link(uid: str) -> dict[str, Any]:
    return {"title": "Why?", "url": f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"}


def _limit(limit: float | None) -> dict[str, Any]:
    if limit is None:
        return {}
    steps = [{"color": "green", "value": None}, {"color": "red", "value": limit}]
    return {
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": {"thresholdsStyle": {"mode": "line"}},
    }
