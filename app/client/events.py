"""What a session tells while it runs."""

from dataclasses import dataclass
from typing import Literal

from ..contract.dialect_a import Partial, Transcription, WarningA
from ..contract.fields import Queued


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnected:
    """The connection broke, or was about to, and the session goes on over another one.

    Said by this client and not by the gateway. Nothing was lost: this is for a log, or for a person
    who wonders about a pause.

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
