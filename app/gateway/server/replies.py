"""Sends answers as a dialect renders them: whole, or in parts while there is more to say."""

from starlette.responses import Response
from starlette.types import Send

from app.asr import Transcript
from app.contract import ContractError, ErrorCode
from app.gateway.dialects.upload import AnswerInParts, HttpAnswer, UploadCodec
from app.gateway.server.answers import error_headers


class WrongMethodError(ContractError):
    """Another method is possible there.

    Args:
        method: Of the request.
        allowed: Those that are, as the header `Allow` lists them (RFC 9110, 15.5.6).
    """

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(ErrorCode.METHOD_NOT_ALLOWED, method=method, accepted=allowed)
        self.allowed = allowed


def dialect_response(answer: HttpAnswer, error: ContractError | None = None) -> Response:
    """Render an answer; an error's has the headers that belong to its code, too."""
    headers = dict(answer.headers)
    if error is not None:
        headers |= error_headers(error)
        if isinstance(error, WrongMethodError):
            headers["Allow"] = error.allowed
        if error.code is ErrorCode.UPLOAD_TOO_SLOW:
            # What is still to come would come as slowly.
            headers["Connection"] = "close"
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type=answer.media_type
    )


class Reply:
    """The answer to one request.

    Args:
        dialect: What renders an error.
        send: Of ASGI.
    """

    def __init__(self, dialect: type[UploadCodec], send: Send) -> None:
        self._dialect = dialect
        self._send = send
        self._parts: AnswerInParts | None = None

    async def whole(self, answer: HttpAnswer) -> None:
        """Send an answer that is complete."""
        await self._respond(dialect_response(answer))

    async def final(self, parts: AnswerInParts, final: Transcript) -> None:
        """Send the part of a final; before the first one, that the answer begins."""
        await self._begin(parts)
        await self._part(parts.final(final), has_more=True)

    async def last_part(self, parts: AnswerInParts, data: bytes) -> None:
        """Send the last part."""
        await self._begin(parts)
        await self._part(data, has_more=False)

    async def fail(self, error: ContractError) -> None:
        """Send an error: with its status, or as the last part where the answer has begun."""
        if self._parts is None:
            await self._respond(dialect_response(self._dialect.refusal(error), error))
        else:
            await self._part(self._parts.failed(error), has_more=False)

    async def _begin(self, parts: AnswerInParts) -> None:
        if self._parts is not None:
            return
        self._parts = parts
        # Neither kept for another request nor held back by a proxy: it is read as it comes.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = Response(headers=headers, media_type=parts.media_type)
        del response.headers["Content-Length"]
        await self._send(
            {"type": "http.response.start", "status": 200, "headers": response.raw_headers}
        )

    async def _part(self, data: bytes, *, has_more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": has_more})

    async def _respond(self, response: Response) -> None:
        headers = response.raw_headers
        start = {"type": "http.response.start", "status": response.status_code}
        await self._send({**start, "headers": headers})
        await self._part(bytes(response.body), has_more=False)
