"""Scripts: the faults of an emulator, or its results instead of recognition; also as JSON."""

from typing import Annotated, Literal, Self

import grpc
from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from app.json_types import WHOLE, JsonFlag, JsonNumber

Seconds = Annotated[JsonNumber, Field(ge=0, le=86_400, allow_inf_nan=False)]
Probability = Annotated[JsonNumber, Field(ge=0, le=1)]
StatusName = Literal[
    "ABORTED",
    "CANCELLED",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
    "UNKNOWN",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class After(_Part):
    """When a fault strikes: as soon as any named amount is reached; at once where none is named.

    Attributes:
        seconds: Time since the stream opened.
        audio_seconds: Audio received; 0 means "with the first audio".
        results: Results delivered.
    """

    seconds: Seconds | None = None
    audio_seconds: Seconds | None = None
    results: Annotated[int, Strict(), Field(ge=0), WHOLE] | None = None

    @property
    def at_once(self) -> bool:
        """Whether nothing has to be waited for."""
        return (self.seconds, self.audio_seconds, self.results) == (None, None, None)


class Stall(_Part):
    """The stream stays open and says nothing.

    Attributes:
        after: When it begins.
        seconds: How long it lasts; None until the client gives up.
        stop_reading: Whether audio is no longer taken either, so that the client feels
            back-pressure.
    """

    do: Literal["stall"]
    after: After = After()
    seconds: Seconds | None = None
    stop_reading: JsonFlag = False


class Fail(_Part):
    """The stream ends with a gRPC status.

    Attributes:
        after: When it happens.
        status: Name of the status code.
        message: The status message.
    """

    do: Literal["fail"]
    after: After = After()
    status: StatusName
    message: str

    @property
    def code(self) -> grpc.StatusCode:
        """The status as grpc has it."""
        return grpc.StatusCode[self.status]


class Kill(_Part):
    """The connection breaks under the stream, or the whole process dies as by SIGKILL.

    Attributes:
        after: When it happens.
        what: `connection` cuts the client's TCP connection with everything on it; `process` ends
            the emulator, which only the command accepts, never an emulator embedded in another
            program.
    """

    do: Literal["kill"]
    after: After = After()
    what: Literal["connection", "process"]


Fault = Annotated[Stall | Fail | Kill, Field(discriminator="do")]


class ScriptedWord(_Part):
    """A word of a scripted final; seconds from the beginning of the stream."""

    word: str
    start: Seconds
    end: Seconds
    confidence: Probability | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"end {self.end} lies before start {self.start}")
        return self


class ScriptedResult(_Part):
    """A result that is sent when so much audio has come, whatever the audio is.

    Attributes:
        at: Seconds of received audio. Results still owed at half-close are sent then.
        text: The transcript; null for a result without alternatives.
        is_final: Whether it closes a segment.
        words: Words with times; finals only.
        confidence: Of the whole; finals only.
        stability: Interims only.
    """

    at: Seconds = 0.0
    text: str | None
    is_final: JsonFlag = False
    words: tuple[ScriptedWord, ...] = ()
    confidence: Probability | None = None
    stability: Probability | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.is_final and self.stability is not None:
            raise ValueError("stability belongs to interims; leave it out where is_final is true")
        if not self.is_final and (self.words or self.confidence is not None):
            raise ValueError(
                "words and confidence belong to finals; set is_final or leave them out"
            )
        return self


class StreamScript(_Part):
    """What happens on one stream.

    Attributes:
        results: Sent instead of what the recogniser hears; null listens. Ascending by `at`.
        repeat_every: Sends `results` again after every so many seconds of audio, times moved
            along; for long load runs.
        result_delay: Seconds every result is held back.
        finals: `heard` as they come; `at_half_close` turns them into growing interims and sends one
            final when the client half-closes; `never` not even then.
        fault: What goes wrong, if anything.
    """

    results: tuple[ScriptedResult, ...] | None = None
    repeat_every: Annotated[JsonNumber, Field(gt=0, le=86_400)] | None = None
    result_delay: Seconds = 0.0
    finals: Literal["heard", "at_half_close", "never"] = "heard"
    fault: Fault | None = None

    @model_validator(mode="after")
    def _schedule_is_possible(self) -> Self:
        times = [result.at for result in self.results or ()]
        if times != sorted(times):
            raise ValueError(f"results must ascend by at, got {times}")
        if self.repeat_every is None:
            return self
        if not times:
            raise ValueError("repeat_every needs results to repeat")
        if times[-1] > self.repeat_every:
            raise ValueError(
                f"repeat_every {self.repeat_every} is shorter than the last at, {times[-1]}"
            )
        return self


class Script(_Part):
    """A plan for the whole emulator.

    Attributes:
        streams: One entry a stream, in the order in which streams open. Empty: every stream is
            heard as it is.
        then: After the last entry: `cycle` begins again, `last` stays with it, `listen` hears as
            without a script.
        loading_seconds: The server says "not ready" for so long after the script is set.
    """

    streams: tuple[StreamScript, ...] = ()
    then: Literal["cycle", "last", "listen"] = "cycle"
    loading_seconds: Seconds = 0.0

    @property
    def kills_process(self) -> bool:
        """Whether some stream of the plan ends the process."""
        return any(
            isinstance(stream.fault, Kill) and stream.fault.what == "process"
            for stream in self.streams
        )


class ScriptBook:
    """Hands every new stream its script, in the order of opening."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self._opened = 0

    def replace(self, script: Script) -> None:
        """Use a new script from the next stream on; open streams keep theirs."""
        self.script = script
        self._opened = 0

    def next(self) -> StreamScript:
        """Return the script for the next stream."""
        streams, turn = self.script.streams, self._opened
        self._opened += 1
        if turn < len(streams):
            return streams[turn]
        if not streams or self.script.then == "listen":
            return StreamScript()
        return streams[-1] if self.script.then == "last" else streams[turn % len(streams)]
