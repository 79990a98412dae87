"""A session for one recording, for as long as it is recognised, whatever way it came in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from app.asr import FileAudio
from app.contract import ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.uploads.queue import QueuedUpload, UploadQueue, UploadSlot

_LEAST_BYTES_S: Final = 1000
"""Of a second of speech, however it is coded: where a header does not say how long it is."""


@asynccontextmanager
async def upload_turn(
    gateway: Gateway, slot: UploadSlot, recording: FileAudio, group: str
) -> AsyncIterator[None]:
    """Hold a session for a recording that is opened, once there is one and a recogniser is ready.

    Args:
        gateway: Whose sessions they are.
        slot: The recording's, with the bytes of it.
        recording: What is to be recognised in the block; its pace and length are watched.
        group: The group of recognisers that it goes to.

    Raises:
        ContractError: Why there is none in time.
    """
    promised = recording.promised_duration
    if promised is None:
        promised = slot.held / _LEAST_BYTES_S
    seconds = min(promised, gateway.settings.app_max_upload_s)
    async with gateway.uploads.turn(slot, seconds, group) as turn:
        recording.on_decoded = partial(_keep_within, gateway.uploads, turn, recording)
        if not await gateway.readiness.confirm(group):
            raise ContractError(ErrorCode.ASR_UNAVAILABLE)
        yield


async def _keep_within(
    uploads: UploadQueue, turn: QueuedUpload, recording: FileAudio, seconds: float
) -> None:
    uploads.hold(turn, recording.duration)
    await uploads.keep_pace(seconds)
