"""G.711: telephony's samples of 8 bits, decoded by table (ITU-T G.711, 11/88)."""

from typing import Final

import numpy as np
import numpy.typing as npt

_BIAS: Final = 0x84
"""What mu-law adds to a magnitude of 14 bits, scaled to 16."""


def _of_mu_law() -> npt.NDArray[np.int16]:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitudes = ((((codes & 0x0F) << 3) + _BIAS) << ((codes >> 4) & 7)) - _BIAS
    return np.where(codes & 0x80, -magnitudes, magnitudes).astype(np.int16)


def _of_a_law() -> npt.NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    segments, steps = (codes >> 4) & 7, ((codes & 0x0F) << 4) + 8
    magnitudes = np.where(segments, (steps + 0x100) << np.maximum(segments - 1, 0), steps)
    return np.where(codes & 0x80, magnitudes, -magnitudes).astype(np.int16)


_TABLES: Final = {"mulaw": _of_mu_law(), "alaw": _of_a_law()}

LAWS: Final = tuple(_TABLES)
"""Names of the two laws."""


def samples_of(coded: bytes, law: str) -> npt.NDArray[np.int16]:
    """Return the samples, one a byte."""
    return _TABLES[law][np.frombuffer(coded, np.uint8)]
