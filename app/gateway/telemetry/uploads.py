"""Prometheus metrics of uploads, collected when they are read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCounts:
    """What uploads hold now.

    Attributes:
        active: Uploads from first byte to answer.
        waiting: Those that have arrived and wait for a session.
        spool_bytes: Room on disk.
        audio_s: Seconds of audio that is being recognised.
    """

    active: int = 0
    waiting: int = 0
    spool_bytes: int = 0
    audio_s: int = 0


class UploadMetrics(Collector):
    """Collects the gauges of uploads.

    Args:
        registry: Where they are read from.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: Callable[[], UploadCounts] = UploadCounts
        registry.register(self)

    def watch(self, counts: Callable[[], UploadCounts]) -> None:
        """Set where the counts are read."""
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without their present values."""
        return _families(UploadCounts())

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they are now."""
        return _families(self._counts())


def _families(counts: UploadCounts) -> Iterator[Metric]:
    for name, text, value in (
        ("uploads_active", "Uploads from first byte to answer.", counts.active),
        (
            "uploads_waiting",
            "Uploads that have arrived and wait for a session.",
            counts.waiting,
        ),
        ("upload_spool_bytes", "Room on disk that uploads hold.", counts.spool_bytes),
        (
            "upload_audio_seconds",
            "Length of the uploaded recordings that are being recognised.",
            counts.audio_s,
        ),
    ):
        yield GaugeMetricFamily(f"perch_{name}", text, value=value)
