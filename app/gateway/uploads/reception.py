"""Receives an upload: fast enough, in time, and with space for it on disk."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from app.contract import ContractError, ErrorCode
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.logs import get_logger
from app.gateway.uploads.body import WholeBody
from app.gateway.uploads.form import FormFile, FormRules
from app.gateway.uploads.hangup import unless
from app.gateway.uploads.queue import UploadSlot
from app.gateway.uploads.rate import PATIENCE_S, MinimumRate
from app.threads import in_thread

Answer = TypeVar("Answer")

_FORM_ROOM_BYTES: Final = 64 * 1024
"""Room for the form around the file itself."""

_STEP_BYTES: Final = 1 << 20
"""Step in which an upload that declares no length reserves space on disk."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """An upload that has arrived.

    Attributes:
        name: The file's, as the client gave it.
        file: At its beginning; on disk.
        texts: What else of its form was to be kept, by the names of the fields.
        sha256: Digest of a file that was the whole body; else empty.
    """

    name: str
    file: BinaryIO
    texts: Mapping[str, Sequence[str]]
    sha256: str = ""


@asynccontextmanager
async def received(
    request: Request,
    slot: UploadSlot,
    settings: GatewaySettings,
    draining: asyncio.Event,
    rules: FormRules | None,
) -> AsyncIterator[Received]:
    """Receive an upload, and keep its file for the length of a `with` block.

    Args:
        request: Of which nothing was read.
        slot: Where its room on disk comes from.
        settings: The limits.
        draining: Set when it would come too late.
        rules: What its form may hold beside the file; None where the body is the file itself.

    Raises:
        ContractError: `bad_request`, `upload_too_big`, `upload_too_slow`, `too_many_uploads`,
            `too_many_client_uploads` or `draining`: why it was not taken.
        ClientDisconnect: The client broke off.
    """
    limit = settings.max_upload_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit():
        if int(declared) > limit + _FORM_ROOM_BYTES:
            raise ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=limit)
        # What is around the file does not lie on disk.
        slot.hold(min(limit, int(declared)))
    form = await _form(request.headers.get("content-type", ""), settings, rules)
    try:
        name = await unless(
            draining.wait(),
            _in_time(request, form, slot, settings),
            ContractError(ErrorCode.DRAINING),
        )
        slot.hold(form.size)
        digest = form.sha256 if isinstance(form, WholeBody) else ""
        yield Received(name, form.file, form.texts(), digest)
    finally:
        await in_thread(form.close)


async def _form(
    content_type: str, settings: GatewaySettings, rules: FormRules | None
) -> FormFile | WholeBody:
    folder, limit = settings.app_upload_dir, settings.max_upload_bytes
    place = None if folder is None else str(folder)
    if rules is None:
        return await _on_disk(lambda: WholeBody(limit, place))
    return await _on_disk(lambda: FormFile(content_type, limit, place, rules))


async def _in_time(
    request: Request, form: FormFile | WholeBody, slot: UploadSlot, settings: GatewaySettings
) -> str:
    within = settings.app_upload_timeout_s
    try:
        async with asyncio.timeout(within):
            await _take(
                request.receive,
                form,
                slot,
                MinimumRate(settings.upload_min_bytes_s, PATIENCE_S),
            )
            return await _on_disk(form.finish)
    except TimeoutError as error:
        raise ContractError(
            ErrorCode.BAD_REQUEST, detail=f"The upload did not arrive within {within:g} s"
        ) from error


async def _take(
    receive: Receive, form: FormFile | WholeBody, slot: UploadSlot, least: MinimumRate
) -> None:
    room = form.limit + _FORM_ROOM_BYTES
    size, more = 0, True
    while more:
        message = await _next(receive, least)
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > room:
            raise ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=form.limit)
        if slot.held < min(form.limit, size):
            slot.hold(min(form.limit, size + _STEP_BYTES))
        if piece:
            await _on_disk(partial(form.feed, piece))


async def _next(receive: Receive, least: MinimumRate) -> Message:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting = asyncio.timeout(least.seconds_left)
    try:
        async with waiting:
            message = await receive()
    except TimeoutError as error:
        if not waiting.expired():
            raise
        raise ContractError(
            ErrorCode.UPLOAD_TOO_SLOW, rate=least.rate, seconds=least.patience
        ) from error
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    least.came(len(message.get("body", b"")), loop.time() - begun)
    return message


async def _on_disk(work: Callable[[], Answer]) -> Answer:
    try:
        return await in_thread(work)
    except OSError as error:
        _log.error("no room for an upload", detail=str(error))
        raise ContractError(
            ErrorCode.TOO_MANY_UPLOADS, limit="the room there is on disk"
        ) from error
