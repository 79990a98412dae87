"""What a fault proxy does to the bytes it carries, in toxiproxy's vocabulary.

Names and effects are those of Shopify/toxiproxy's toxics; amounts are in seconds and bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

Stream = Literal["up", "down"]
"""`up` goes from the client to the server behind the proxy, `down` comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Everything comes later, in order, as fast as it went in.

    Attributes:
        latency: Seconds of delay.
        jitter: Up to so many seconds more or less, evenly.
    """

    latency: float
    jitter: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """So many bytes a second and no more."""

    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose:
    """The end of the stream comes so many seconds late."""

    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """Nothing gets through; data is dropped.

    Attributes:
        timeout: Seconds after which the connection is closed; 0 leaves it hanging until the toxic
            is removed, and closes it then, since what was dropped cannot be had again.
    """

    timeout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPeer:
    """Nothing gets through, and after so many seconds both ends get a TCP reset."""

    timeout: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicer:
    """Data comes in small pieces.

    Attributes:
        average_size: Bytes of a piece.
        size_variation: Up to so many bytes more or less, evenly; less than the average.
        delay: Seconds between two pieces.
    """

    average_size: int
    size_variation: int = 0
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitData:
    """The connection is closed when so many bytes have gone through."""

    limit: int


Toxic = Latency | Bandwidth | SlowClose | Timeout | ResetPeer | Slicer | LimitData


def check(toxic: Toxic, toxicity: float) -> None:
    """Refuse amounts that mean nothing.

    Raises:
        ValueError: Names the field, its value and what is accepted.
    """
    if not 0.0 <= toxicity <= 1.0:
        raise ValueError(f"toxicity is {toxicity}; accepted: a share from 0 to 1")
    name = type(toxic).__name__
    for field in fields(toxic):
        value = getattr(toxic, field.name)
        least = 1 if field.name in {"rate", "average_size"} else 0
        if not (math.isfinite(value) and value >= least):
            raise ValueError(f"{name}.{field.name} is {value}; accepted: a number from {least} on")
    if isinstance(toxic, Slicer) and toxic.size_variation >= toxic.average_size:
        raise ValueError(
            f"Slicer.size_variation is {toxic.size_variation}; "
            f"accepted: less than average_size, {toxic.average_size}"
        )
