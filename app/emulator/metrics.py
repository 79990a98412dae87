"""Metrics of an emulator, with a registry of its own: a process may have several."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The emulator's own numbers, named as such: the names a Speech NIM uses are not public."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.streams = Gauge("perch_emulator_streams", "Streams open now.", registry=self.registry)
        self.ended = Counter(
            "perch_emulator_streams_ended",
            "Streams that ended, by gRPC status.",
            ["status"],
            registry=self.registry,
        )
        self.audio = Counter(
            "perch_emulator_audio_seconds", "Audio received.", registry=self.registry
        )
        self.decoding = Histogram(
            "perch_emulator_decode_seconds",
            "Time from asking for a decode to having it.",
            ["kind"],
            registry=self.registry,
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
        )
