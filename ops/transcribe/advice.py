"""What a person is told of a session that failed, and what to do about it."""

from app.client import BusyError, CertificateError, ClientError, UnauthorizedError
from app.contract import ErrorCode
from ops.console.hints import certificate

_ALL_IN_USE = frozenset({ErrorCode.TOO_MANY_CONNECTIONS, ErrorCode.TOO_MANY_SESSIONS})


def told(error: ClientError) -> str:
    """Return an error in a sentence, with its code and the next step where there is one."""
    code = f" ({error.code})" if error.code else ""
    step = _next_step(error)
    return f"{error}{code}{f'; {step}' if step else ''}"


def _next_step(error: ClientError) -> str | None:
    match error:
        case CertificateError():
            return certificate(unknown_authority=error.unknown_authority)
        case UnauthorizedError():
            return "name the file of the gateway's token with --token-file, or set PERCH_TOKEN"
        case BusyError() if error.code in _ALL_IN_USE:
            return "--wait SECONDS takes a place in its waiting room"
        case _:
            return None
