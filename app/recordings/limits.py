"""Limits of accepted recordings, and the rates of their output."""

from dataclasses import dataclass
from typing import Final

from .errors import RecordingError, RecordingProblem

LOWEST_RATE_HZ: Final = 8_000
HIGHEST_RATE_HZ: Final = 48_000
"""Rates between these are kept; they are what Riva and the contract take."""

MODEL_RATE_HZ: Final = 16_000
"""What the models were trained on; every other rate becomes this."""

LOWEST_SOURCE_RATE_HZ: Final = 1_000
HIGHEST_SOURCE_RATE_HZ: Final = 192_000
MOST_CHANNELS: Final = 32
"""What telephones and studio equipment write; beyond it a header is broken or wants to cost time
or memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """How much is read before a recording is refused.

    Attributes:
        max_bytes: Of the recording as it is stored or sent; None for no limit.
        max_seconds: Of sound in it, as it is decoded, whatever its header says; None for no limit.
        programs: Whether a program of this machine, ffmpeg, decodes what libsndfile does not know.
            For strangers' recordings it is more to attack.
    """

    max_bytes: int | None = None
    max_seconds: float | None = None
    programs: bool = True


def check_shape(rate: int, channels: int) -> None:
    """Refuse a shape that no recorder writes.

    Raises:
        RecordingError: UNSUPPORTED.
    """
    if LOWEST_SOURCE_RATE_HZ <= rate <= HIGHEST_SOURCE_RATE_HZ and 0 < channels <= MOST_CHANNELS:
        return
    raise RecordingError(
        RecordingProblem.UNSUPPORTED,
        f"has {channels} channels at {rate} Hz; accepted: 1 to {MOST_CHANNELS} channels and "
        f"{LOWEST_SOURCE_RATE_HZ} to {HIGHEST_SOURCE_RATE_HZ} Hz",
    )
