"""What clients did: one record a stream, for tests that look from the server's side."""

import asyncio
from collections import deque
from dataclasses import asdict, dataclass, field

_KEPT = 1024  # records; a load run opens more streams than anybody reads


@dataclass(slots=True, kw_only=True)
class StreamRecord:
    """One stream as the server saw it.

    Attributes:
        sequence: Number of the stream, from 1.
        request_id: The id the client gave its first message, or "".
        metadata: Call metadata, in the order sent. Tests may read credentials here; it is never
            logged nor served over HTTP.
        model: Model the client asked for, "" for any.
        language: Language code the client asked for.
        sample_rate: Samples a second.
        encoding: Name of the encoding.
        hotwords: Phrases of the speech contexts.
        messages: Audio messages received.
        audio_seconds: Audio received.
        interims: Interims sent.
        finals: Finals sent.
        half_closed: Whether the client said that no more audio comes.
        freed: Whether the sequence was given away for idleness.
        status: gRPC status name of the end, "" while open.
    """

    sequence: int
    request_id: str = ""
    metadata: tuple[tuple[str, str | bytes], ...] = field(default=(), repr=False)
    model: str = ""
    language: str = ""
    sample_rate: int = 0
    encoding: str = ""
    hotwords: tuple[str, ...] = ()
    messages: int = 0
    audio_seconds: float = 0.0
    interims: int = 0
    finals: int = 0
    half_closed: bool = False
    freed: bool = False
    status: str = ""

    def public(self) -> dict[str, object]:
        """Return the record without the call's metadata, which may carry credentials."""
        return {key: value for key, value in asdict(self).items() if key != "metadata"}


class Journal:
    """The latest records, and a way to wait for something to appear in them."""

    def __init__(self) -> None:
        self.streams: deque[StreamRecord] = deque(maxlen=_KEPT)
        self._opened = 0
        self._changed = asyncio.Event()

    def open(self) -> StreamRecord:
        """Open the record of a new stream."""
        self._opened += 1
        record = StreamRecord(sequence=self._opened)
        self.streams.append(record)
        self.changed()
        return record

    def changed(self) -> None:
        """Wake all waiters; called after each change of a record."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()
