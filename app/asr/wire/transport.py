"""What the client needs of a transport to one recogniser.

Another transport (an HTTP/2 client inside the event loop is the next step) takes the place of
`GrpcTransport` by offering the same calls, and raises nothing but `AsrError` as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Metadata


class StreamCall(Protocol):
    """One stream to the recogniser. One task may write while another reads; `abort` ends both."""

    async def write(self, pcm: bytes) -> None:
        """Send audio in one message; return when flow control took it: a slow server slows us."""

    async def half_close(self) -> None:
        """Tell that no more audio follows; the recogniser gives its last finals, then the end."""

    async def read(self) -> riva_asr_pb2.StreamingRecognizeResponse | None:
        """Return the next response, or None at the stream's good end."""

    def abort(self) -> None:
        """End the stream at once; a task that reads or writes gets an AsrError, code CANCELLED."""


class Transport(Protocol):
    """The three calls of Riva's recognition service."""

    async def open_stream(
        self,
        request: riva_asr_pb2.StreamingRecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
    ) -> StreamCall:
        """Connect and hand over the configuration, within that many seconds."""

    async def recognize(
        self,
        request: riva_asr_pb2.RecognizeRequest,
        *,
        within: float,
        metadata: Metadata = (),
    ) -> riva_asr_pb2.RecognizeResponse:
        """Recognise one recording, within that many seconds."""

    async def list_models(
        self, *, within: float
    ) -> riva_asr_pb2.RivaSpeechRecognitionConfigResponse:
        """List what the recogniser serves, within that many seconds."""

    async def aclose(self) -> None:
        """End every call and connection."""
