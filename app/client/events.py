"""The events of a session."""

from dataclasses import dataclass
from typing import Literal

from ..contract.dialect_a import Partial, Transcription, WarningA
from ..contract.fields import Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnected:
    """The session goes on over another connection, as its own broke or was about to.

    Made by this client, not by the gateway. No audio was lost: this is for a log, or to explain a
    pause.

    Attributes:
        outage_s: Seconds in which the session had no gateway.
        replayed_s: Seconds of audio that are sent again.
        position: Seconds of the session's audio where the other connection goes on.
        segment_id: Of the next final.
        reason: Why the earlier connection was left.
    """

    outage_s: float
    replayed_s: float
    position: float
    segment_id: int
    reason: str
    type: Literal["reconnected"] = "reconnected"


Event = Partial | Transcription | WarningA | Queued | Reconnected
"""Interim results, final results, warnings, the place in a waiting room, and a healed break.

More kinds may come: a caller takes those it knows and passes over the others.
"""
