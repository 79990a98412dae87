"""Writes docs/metrics.md from the metrics' registry, and docs/logs.md from the lines' models."""

from collections.abc import Iterator
from typing import Final

from app.gateway.telemetry.metrics import BUILD_INFO, GatewayMetrics
from app.gateway.telemetry.stream_log import LINES, StreamIdentity

_INTRODUCTION: Final = """\
<!-- Written by `python -m tests.docs --write` from app/gateway/telemetry. Do not edit. -->

# Metrics

What `GET /metrics` of a gateway's administrative listener (`APP_ADMIN_PORT`) exposes, beside
`process_*` and `python_info` of the Prometheus client. No label has values that a client can
choose.

| Name | Kind | Labels | Meaning |
|---|---|---|---|"""


def metrics_page() -> str:
    """Return docs/metrics.md."""
    return "\n".join([_INTRODUCTION, *_rows()]) + "\n"


def _rows() -> Iterator[str]:
    for name, kind, labels, text in _described():
        shown = ", ".join(f"`{label}`" for label in labels) or "-"
        yield f"| `{name}` | {kind} | {shown} | {text} |"


_LOGS: Final = """\
<!-- Written by `python -m tests.docs --write` from app/gateway/telemetry. Do not edit. -->

# Log lines of a stream

A stream is a session on one connection. The gateway logs one line when it starts and one when it
ends: as JSON, or where standard output is a terminal as text for people (`LOG_FORMAT=json` and
`LOG_FORMAT=console` ask for the one or the other anywhere). Every line also has
`timestamp` (UTC), `level`, `logger` and `event`, which is the heading below. Nothing a client said,
and no token, is in them.
"""


def logs_page() -> str:
    """Return docs/logs.md."""
    return "\n".join([_LOGS, *(row for event, line in LINES.items() for row in _line(event, line))])


def _line(event: str, line: type[StreamIdentity]) -> Iterator[str]:
    yield f"## `{event}`\n\n{line.__doc__}\n\n| Field | Type | Meaning |\n|---|---|---|"
    properties: dict[str, dict[str, object]] = line.model_json_schema()["properties"]
    for name, field in properties.items():
        yield f"| `{name}` | {_type(field)} | {field['description']} |"
    yield ""


def _type(field: dict[str, object]) -> str:
    choices = field.get("anyOf", [field])
    return " or ".join(str(one["type"]) for one in choices) if isinstance(choices, list) else ""


def _described() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    metrics = GatewayMetrics("0")
    for collector in vars(metrics).values():
        describe = getattr(collector, "describe", None)
        # One of a metric's children, kept at hand for the message path, is described by the metric.
        if describe is None or getattr(collector, "_labelvalues", None):
            continue
        for family in describe():
            suffix = "_total" if family.type == "counter" else ""
            yield (
                family.name + suffix,
                family.type,
                _labels(collector) or _labels(family),
                family.documentation,
            )
    yield "perch_build_info", "gauge", ("version", "colour"), BUILD_INFO


def _labels(described: object) -> tuple[str, ...]:
    """Return the label names of a metric, or of one family of a collector that has several.

    The client offers no other way to them.
    """
    return tuple(getattr(described, "_labelnames", None) or ())
