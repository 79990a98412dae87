"""Errors between a client and a gateway, as exceptions a program can branch on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..contract import ErrorBody
from ..contract.dialect_a import ErrorA

if TYPE_CHECKING:
    from ..contract.fields import AudioSpan


class ClientError(Exception):
    """Base of all errors of the gateway, the network and of files that cannot be sent.

    Attributes:
        code: Machine-readable reason: an `app.contract.ErrorCode` value where the gateway gave one,
            else None.
        retryable: Whether the same request may succeed later without being changed.
        retry_after: Seconds the gateway asked to wait, None where it asked for nothing.
        close_code: WebSocket close code (RFC 6455 section 7.4), None while the connection is open
            or never was.
        lost: Where a session ended by this error: its audio that was given to `send` and is in no
            final, in seconds. The message says so too.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        close_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.retry_after = retry_after
        self.close_code = close_code
        self.lost: AudioSpan | None = None

    def __str__(self) -> str:
        message = super().__str__()
        if self.lost is None:
            return message
        lost = f"audio from {self.lost.start:.2f} to {self.lost.end:.2f} s is in no final"
        return f"{message.removesuffix('.')}; {lost}"


class AudioFileError(ClientError):
    """A recording is not what can be sent: a fault of its file, before any gateway is asked."""


class UndecodableFileError(AudioFileError, ValueError):
    """The file holds nothing that is decoded here; says what it seems to be, and what is."""


class UnreadableFileError(AudioFileError, OSError):
    """The file cannot be opened.

    Attributes:
        errno: As the system has it, like `strerror` and `filename`.
    """

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(f"{path}: {error.strerror or error}")
        self.errno, self.strerror, self.filename = error.errno, error.strerror, path

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror or 'cannot be opened'}"


class MissingFileError(UnreadableFileError, FileNotFoundError):
    """There is no such file."""


class ConnectFailedError(ClientError):
    """No HTTP answer: a fault of name, network or TLS, or no WebSocket server."""


class CertificateError(ConnectFailedError):
    """The server's certificate is not trusted.

    Attributes:
        unknown_authority: Whether no trusted authority signed it: `ca` may name the one that did.
            Else it is for other names, or not valid now.
    """

    def __init__(self, message: str, *, unknown_authority: bool) -> None:
        super().__init__(message)
        self.unknown_authority = unknown_authority


class RefusedError(ClientError):
    """The gateway answered the upgrade with an HTTP status instead of a WebSocket.

    Attributes:
        status: HTTP status code.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, retryable=retryable, retry_after=retry_after)
        self.status = status


class UnauthorizedError(RefusedError):
    """401: no token, or one the gateway does not know."""


class ForbiddenError(RefusedError):
    """403: this client may not do that, whoever it is (for a browser: its origin)."""


class TooManyRequestsError(RefusedError):
    """429: this client asks too often."""


class BusyError(RefusedError):
    """503: the gateway takes no session now: full, draining, or without a recogniser."""


class GatewayError(ClientError):
    """An `error` message of the gateway.

    With a `close_code` the connection is over; without one it goes on, and so may the session.
    """

    @classmethod
    def from_message(cls, body: ErrorBody, *, close_code: int | None = None) -> "GatewayError":
        """Return the exception for an error message."""
        error = cls(
            body.error,
            code=body.code,
            retryable=body.retryable,
            retry_after=body.retry_after,
            close_code=close_code,
        )
        error.lost = body.lost if isinstance(body, ErrorA) else None
        return error


class ConnectionLostError(ClientError):
    """The connection ended without the gateway saying why."""


class DeadlineError(ClientError):
    """A deadline passed."""


class ProtocolError(ClientError):
    """The gateway sent something that is not in the contract."""


_REFUSALS: Mapping[int, type[RefusedError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequestsError,
    HTTPStatus.SERVICE_UNAVAILABLE: BusyError,
}
_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed (RFC 9110 section 15, RFC 6585 section 4)."""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> RefusedError:
    """Return the exception for an HTTP answer to the upgrade.

    Its message is the body's where that has the contract's shape; for any other, such as a load
    balancer's page, status and `Retry-After` must do.

    Args:
        status: HTTP status code, not 101.
        headers: Header fields, found without regard to case.
        body: The body, possibly empty.
    """
    kind = _REFUSALS.get(status, RefusedError)
    after = _retry_after(headers.get("Retry-After"))
    try:
        answer = ErrorBody.model_validate_json(body)
    except ValidationError:
        return kind(
            f"the gateway refused the connection: HTTP {status}",
            status=status,
            retryable=status in _WORTH_RETRYING,
            retry_after=after,
        )
    return kind(
        answer.error,
        status=status,
        code=answer.code,
        retryable=answer.retryable,
        retry_after=after if answer.retry_after is None else answer.retry_after,
    )


def _retry_after(value: str | None) -> float | None:
    """Read `Retry-After` in either of its forms (RFC 9110 section 10.2.3); nonsense is None."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    # The header gives a wall-clock moment, so only the wall clock can say how far off it is.
    moment = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
