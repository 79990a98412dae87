"""Turns traces on where the settings say so."""

from typing import TYPE_CHECKING

from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.metrics import GatewayMetrics

if TYPE_CHECKING:
    from app.gateway.tracing.spans import Tracing


def tracing_of(
    settings: GatewaySettings, metrics: GatewayMetrics, version: str
) -> "Tracing | None":
    """Return what records spans and sends them; None where traces are off.

    Args:
        settings: Whether, where to and which streams.
        metrics: Count the spans.
        version: Of this program.
    """
    if not settings.has_traces:
        return None
    # Only here: who has no traces need not have OpenTelemetry.
    from app.gateway.tracing.export import tracing_by  # noqa: PLC0415

    return tracing_by(settings, metrics, version)
