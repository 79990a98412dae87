"""The dialects there are, and where each is spoken. A new one is a line here."""

from collections.abc import Sequence
from typing import Final

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.dialects.a import CodecA
from app.gateway.dialects.b import CodecB
from app.gateway.dialects.client_secrets import SecretCodec
from app.gateway.dialects.codec import DialectCodec
from app.gateway.dialects.deepgram.grants import DeepgramGrants
from app.gateway.dialects.deepgram.live import DeepgramLiveCodec
from app.gateway.dialects.deepgram.recordings import DeepgramRecordingCodec
from app.gateway.dialects.file import FileCodec
from app.gateway.dialects.openai.rest import OpenAIRestCodec
from app.gateway.dialects.realtime.nim import NimCodec
from app.gateway.dialects.realtime.openai import OpenAIRealtimeCodec
from app.gateway.dialects.realtime.secrets import OpenAISecrets, TranscriptionSessions
from app.gateway.dialects.realtime.shared import SharedPathCodec
from app.gateway.dialects.upload import UploadCodec

DIALECTS: Final[Sequence[type[DialectCodec]]] = (
    CodecA,  # the first is spoken wherever no other one is
    CodecB,
    SharedPathCodec,
    OpenAIRealtimeCodec,
    NimCodec,
    DeepgramLiveCodec,
)

SECRET_DIALECTS: Final[Sequence[type[SecretCodec]]] = (
    OpenAISecrets,
    TranscriptionSessions,
    DeepgramGrants,
)

UPLOAD_DIALECTS: Final[Sequence[type[UploadCodec]]] = (
    FileCodec,
    OpenAIRestCodec,
    DeepgramRecordingCodec,
)


def dialect_at(path: str) -> type[DialectCodec]:
    """Return the dialect spoken at a WebSocket path.

    Raises:
        ContractError: `not_found`: the path is kept for HTTP, also where an environment does not
            offer the dialect it is kept for: what answers there shall not depend on that.
    """
    spoken = path.rstrip("/")
    dialect = next((one for one in DIALECTS if spoken in one.paths), None)
    if dialect is not None:
        return dialect
    uploads = (one for codec in UPLOAD_DIALECTS for one in (*codec.paths, *codec.models_at))
    secrets = (one for codec in SECRET_DIALECTS for one in codec.paths)
    if any(spoken == one or spoken.startswith(f"{one}/") for one in (*uploads, *secrets)):
        raise ContractError(ErrorCode.NOT_FOUND, path=path[:MAX_ECHO_CHARS])
    return DIALECTS[0]


def paths() -> tuple[str, ...]:
    """Return the WebSocket paths that clients are told of."""
    return tuple(path for one in DIALECTS for path in one.paths)
