"""Writes docs/metrics.md from the metrics' registry."""

from collections.abc import Iterator
from typing import Final

from app.gateway.telemetry.metrics import GatewayMetrics

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
    yield "perch_build_info", "gauge", ("version",), "Constant 1; the version is a label."


def _labels(described: object) -> tuple[str, ...]:
    """Return the label names of a metric, or of one family of a collector that has several.

    The client offers no other way to them.
    """
    return tuple(getattr(described, "_labelnames", None) or ())
