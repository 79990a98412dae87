"""What a smoke test saw."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ops.smoke.latency import Latency

Status = Literal["ok", "warning", "failed", "skipped"]


class Check(BaseModel):
    """How one check went.

    Attributes:
        name: What was checked.
        status: `warning` when it holds but a person should look; `skipped` when a check that it
            stands on had failed.
        seconds: How long it took.
        detail: What was seen, or why it failed.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    seconds: float
    detail: str


class Heard(BaseModel):
    """What was recognised.

    Attributes:
        recording: The file.
        audio_seconds: Its length.
        text: What was heard.
        reference: What is said in it; None when that is not known.
        word_error_rate: Share of wrong words; None without a reference.
        reconnects: How often the connection broke and the session went on over another one.
    """

    model_config = ConfigDict(frozen=True)

    recording: Path
    audio_seconds: float
    text: str
    reference: str | None
    word_error_rate: float | None
    reconnects: int = 0


class Report(BaseModel):
    """A whole smoke test.

    Attributes:
        stack: Name of the stack.
        endpoint_url: What was asked.
        colour: The one colour that was asked for; None when the weights decided.
        ok: Whether every check held.
        seconds: How long all took.
        checks: Every check in order.
        heard: The recording's words; None when no session came about.
        version: The gateway's; None when it did not say.
        answered: The colours that answered, as they say themselves.
        model: What the gateway asks the recogniser for; None for the recogniser's own choice, and
            where no session of dialect B came about.
        certificate_days: For how many more days the certificate is valid; None when not known.
        latency: Of a session in real time; None where none was made.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    endpoint_url: str
    colour: str | None
    ok: bool
    seconds: float
    checks: tuple[Check, ...]
    heard: Heard | None
    version: str | None = None
    answered: tuple[str, ...] = ()
    model: str | None = None
    certificate_days: int | None = None
    latency: Latency | None = None
