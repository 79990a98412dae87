"""Translates the recogniser's failures to the contract's errors."""

from typing import Final

from app.asr import AsrError, Fault
from app.asr import ErrorCode as AsrCode
from app.contract import ContractError, ErrorCode

_OUT_OF_REACH: Final = frozenset(
    {
        AsrCode.RESOURCE_EXHAUSTED,
        AsrCode.UNAVAILABLE,
        AsrCode.STREAM_LIMIT,
        AsrCode.DEADLINE_EXCEEDED,
    }
)
_UNUSABLE_FILE: Final = frozenset({AsrCode.AUDIO_INVALID})


def is_refusal(error: AsrError, results: int) -> bool:
    """Return whether the recogniser refuses what the start message asked for."""
    return error.fault is Fault.CALLER and results == 0


def stream_failure(error: AsrError, results: int) -> ContractError:
    """Translate the failure of a session.

    Args:
        error: What `app.asr` reports.
        results: Results the session had before.
    """
    if is_refusal(error, results):
        return ContractError(ErrorCode.ASR_REJECTED, detail=error.message, retryable=False)
    code = ErrorCode.ASR_OVERLOADED if error.code in _OUT_OF_REACH else ErrorCode.ASR_FAILED
    return ContractError(code, detail=error.message, retryable=error.retryable)


def upload_failure(error: AsrError, filename: str, limit: int) -> ContractError:
    """Translate the failure of an uploaded file's transcription."""
    if error.code in _UNUSABLE_FILE:
        return ContractError(
            ErrorCode.UNSUPPORTED_AUDIO,
            filename=filename or "The file",
            detail=error.message,
        )
    if error.code == AsrCode.AUDIO_TOO_LONG:
        return ContractError(ErrorCode.BAD_REQUEST, detail=error.message)
    if error.code == AsrCode.AUDIO_TOO_LARGE:
        return ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=limit)
    return stream_failure(error, 0)
