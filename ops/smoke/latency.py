"""How long words take, beside the service's objective: one session, a sample and no percentile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from infra.catalogue.objectives import FINAL_S, FIRST_INTERIM_S

if TYPE_CHECKING:
    from app.client import Outcome, PcmAudio

_WINDOW_S: Final = 0.02
_LOUD: Final = 0.1
"""Share of the loudest window's level above which speech has begun."""


class Latency(BaseModel):
    """What one session in real time measured, network and this machine's own delay included.

    Attributes:
        first_interim_s: From the sending of the first speech to the first words; None without.
        final_s: The longest time from the sending of a final's last word to that final; None where
            no final came before the end.
        within: Whether both are within the objective.
    """

    model_config = ConfigDict(frozen=True)

    first_interim_s: float | None
    final_s: float | None
    within: bool

    def __str__(self) -> str:
        """Return it for people."""
        return (
            f"first words {_ms(self.first_interim_s)} after speech begins (objective "
            f"{_ms(FIRST_INTERIM_S)}), finals {_ms(self.final_s)} after their last word (objective "
            f"{_ms(FINAL_S)}); one session"
        )


def _ms(seconds: float | None) -> str:
    return "at a time not known" if seconds is None else f"{1000 * seconds:.0f} ms"


def measured(outcome: Outcome) -> Latency:
    """Return the latencies of a session that was sent in real time."""
    first = outcome.first_interim_after_speech_s
    last = outcome.last_final_s
    final = max(outcome.final_lags_s, default=last)
    return Latency(
        first_interim_s=first,
        final_s=final,
        within=first is not None
        and first <= FIRST_INTERIM_S
        and final is not None
        and final <= FINAL_S,
    )


def speech_start_s(audio: PcmAudio) -> float:
    """Return where speech begins: the first 20 ms that are a tenth as loud as the loudest.

    Args:
        audio: PCM16, mono.
    """
    samples = np.frombuffer(audio.data, dtype="<i2").astype(np.float64)
    width = max(round(_WINDOW_S * audio.sample_rate), 1)
    windows = samples[: len(samples) // width * width].reshape(-1, width)
    if not len(windows):
        return 0.0
    level = np.sqrt((windows**2).mean(axis=1))
    return float(np.argmax(level >= _LOUD * level.max())) * width / audio.sample_rate
