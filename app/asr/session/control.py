"""What a caller may ask of a stream while it runs, beside giving it audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.asr.events import Cursor, Endpointing


class StreamOptions(TypedDict, total=False):
    """What may be chosen for a stream; `RIVAASRClient.stream_events` says what each means."""

    hotwords: Sequence[str]
    hotword_boost: float | None
    language: str | None
    model: str | None
    endpointing: Endpointing | None
    custom_configuration: Mapping[str, str] | None
    request_id: str | None
    resume_from: Cursor | None
    control: StreamControl | None


class Steered(Protocol):
    """A stream that runs."""

    @property
    def cursor(self) -> Cursor | None:
        """Where it could go on elsewhere; None while that would lose words."""

    def finalise(self) -> None:
        """Makes everything final that was taken from the caller."""


class StreamControl:
    """The caller's hand on one stream: made by the caller, handed to `stream_events`.

    Belongs to the stream's event loop. Everything may be called before the stream is open and after
    it has ended.
    """

    def __init__(self) -> None:
        self._stream: Steered | None = None
        self._is_asked = False

    def finalise(self) -> None:
        """Makes everything final that the stream took from the audio iterator before this call.

        The stream stays open for more audio on the same timeline. It answers with `Finalised`,
        after the finals that this caused. Calls that come before one was begun are answered
        together. An iterator that calls this itself between two chunks says exactly where.
        """
        if self._stream is None:
            self._is_asked = True
        else:
            self._stream.finalise()

    @property
    def cursor(self) -> Cursor | None:
        """Where the stream could go on elsewhere now.

        As that of the newest final, but it moves over long silence too. None before the stream is
        open, and while it could not be replayed: a segment is open for longer than RIVA_REPLAY_S,
        or a final did not say what it covers.
        """
        return None if self._stream is None else self._stream.cursor

    def attach(self, stream: Steered) -> None:
        """The stream is open; for the client alone.

        Raises:
            ValueError: this control has a stream already.
        """
        if self._stream is not None:
            raise ValueError("a StreamControl is for one stream; make another one")
        self._stream = stream
        if self._is_asked:
            stream.finalise()
