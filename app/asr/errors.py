"""Everything that can go wrong with the recogniser, in one table.

A rule maps what a call ended with (gRPC status and text) to a code, to whose fault it is, to
whether the same call may succeed later, and to a sentence that can be shown to a client: it never
holds an address or a server's own words. Those go to `detail`, which is for logs. Sources of the
texts: NVIDIA's debugging guide (idle sequences), nvidia-riva/python-clients issue 62 (unavailable
model), triton-inference-server/server issue 3747 (response timeout); which statuses are worth
another try: nvidia-riva/python-clients pull request 189.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

NO_MODEL = "The recogniser has no model for the language and kind of request that were asked for."
"""Used where the language is unknown: `app.asr.languages` names it where it is known."""


NO_SECURE_CONNECTION = "No secure connection to the recogniser could be made."
CERTIFICATE_ENDED = "The recogniser's certificate has ended, or is not good yet."
CERTIFICATE_FOR_ANOTHER = "The recogniser's certificate is for another name."
CERTIFICATE_NOT_TRUSTED = (
    "The recogniser's certificate comes from no authority that this service trusts."
)
SPEAKS_NO_TLS = "The recogniser speaks no TLS, and this service does not speak without."
SPEAKS_TLS = "The recogniser speaks TLS, and this service was not told to."
WANTS_A_CERTIFICATE = "The recogniser wants a client certificate, and this service has none."
REFUSED_CERTIFICATE = "The recogniser refused this service's client certificate."


class Fault(StrEnum):
    """Who can do something about an error."""

    CALLER = "caller"  # the request or its audio must change
    SERVICE = "service"  # the recogniser failed or is busy; nothing is wrong with the request
    SETUP = "setup"  # Perch's settings, certificates or credentials must change


class ErrorCode(StrEnum):
    """The values of `AsrError.code`: gRPC status names, and our own where those say too little."""

    ABORTED = "ABORTED"
    CANCELLED = "CANCELLED"
    DATA_LOSS = "DATA_LOSS"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    INTERNAL = "INTERNAL"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    UNKNOWN = "UNKNOWN"

    ANSWER_INVALID = "ANSWER_INVALID"
    ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
    AUDIO_INVALID = "AUDIO_INVALID"
    AUDIO_TOO_LARGE = "AUDIO_TOO_LARGE"
    AUDIO_TOO_LONG = "AUDIO_TOO_LONG"
    CLIENT_CLOSED = "CLIENT_CLOSED"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    STREAM_ENDED_EARLY = "STREAM_ENDED_EARLY"
    STREAM_IDLE = "STREAM_IDLE"
    STREAM_LIMIT = "STREAM_LIMIT"
    TLS_FAILED = "TLS_FAILED"


class AsrError(Exception):
    """A call to the recogniser failed.

    Attributes:
        code: one of `ErrorCode`.
        retryable: True when the same call may succeed later.
        message: one sentence for the client; holds no address and no text of the server.
        detail: what happened, for logs.
        fault: who can do something about it.
        lost: the span of the session's audio, from and to in seconds, that a stream had taken when
            this error ended it and that is in no final; None where there is none. Where a final
            did not say what it covers, the span holds that final too.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool,
        fault: Fault = Fault.SERVICE,
        detail: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.message = message
        self.detail = message if detail is None else detail
        self.fault = fault
        self.lost: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table: the first whose status and text both match decides.

    Attributes:
        statuses: gRPC status names; empty for any.
        text: a pattern searched in the status's text; None for any.
        code: the resulting `AsrError.code`; None keeps the status name.
        fault: who can do something about it.
        retryable: whether the same call may succeed later.
        message: the sentence for the client.
    """

    statuses: frozenset[str]
    text: re.Pattern[str] | None
    code: ErrorCode | None
    fault: Fault
    retryable: bool
    message: str


def _rule(  # noqa: PLR0913 - one argument for each column of the table
    statuses: str,
    message: str,
    *,
    fault: Fault = Fault.SERVICE,
    retryable: bool = True,
    text: str | None = None,
    code: ErrorCode | None = None,
) -> Rule:
    pattern = None if text is None else re.compile(text, re.IGNORECASE)
    names = frozenset(statuses.split())
    return Rule(
        statuses=names, text=pattern, code=code, fault=fault, retryable=retryable, message=message
    )


RULES: tuple[Rule, ...] = (
    _rule(
        "",
        "The recogniser gave the stream up because no audio reached it for too long; start again.",
        text=r"must specify the START flag",
        code=ErrorCode.STREAM_IDLE,
    ),
    _rule(
        "INVALID_ARGUMENT NOT_FOUND UNKNOWN FAILED_PRECONDITION UNIMPLEMENTED",
        NO_MODEL,
        text=r"unavailable model|model not found|no model",
        code=ErrorCode.MODEL_UNAVAILABLE,
        fault=Fault.CALLER,
        retryable=False,
    ),
    _rule(
        "RESOURCE_EXHAUSTED",
        "A message was larger than the recogniser accepts; send the audio in smaller pieces.",
        text=r"message larger than max|message too large",
        code=ErrorCode.MESSAGE_TOO_LARGE,
        fault=Fault.CALLER,
        retryable=False,
    ),
    _rule(
        "RESOURCE_EXHAUSTED",
        "The recogniser is busy; try again shortly.",
    ),
    _rule(
        "UNKNOWN",
        "The recogniser did not answer in time; it may be overloaded.",
        text=r"response timeout",
        code=ErrorCode.DEADLINE_EXCEEDED,
    ),
    *(
        _rule(
            "UNAVAILABLE UNKNOWN INTERNAL",
            message,
            text=text,
            code=ErrorCode.TLS_FAILED,
            fault=Fault.SETUP,
            retryable=False,
        )
        # By gRPC's own words, and by those of the BoringSSL in it.
        for text, message in (
            (r"certificate (has expired|is not yet valid)", CERTIFICATE_ENDED),
            (r"hostname verification check", CERTIFICATE_FOR_ANOTHER),
            (r"CERTIFICATE_VERIFY_FAILED", CERTIFICATE_NOT_TRUSTED),
            (r"WRONG_VERSION_NUMBER", SPEAKS_NO_TLS),
            (r"certificate|handshake failed|SSL_ERROR|verification check", NO_SECURE_CONNECTION),
        )
    ),
    _rule(
        "UNAVAILABLE",
        "The recogniser cannot be reached at the moment.",
    ),
    _rule(
        "DEADLINE_EXCEEDED",
        "The recogniser did not answer in time.",
    ),
    _rule(
        "ABORTED CANCELLED INTERNAL",
        "The recogniser broke the stream off.",
    ),
    _rule(
        "UNAUTHENTICATED PERMISSION_DENIED",
        "The recogniser refused this service's credentials.",
        fault=Fault.SETUP,
        retryable=False,
    ),
    _rule(
        "UNIMPLEMENTED",
        "The recogniser does not offer this kind of request.",
        fault=Fault.SETUP,
        retryable=False,
    ),
    _rule(
        "INVALID_ARGUMENT OUT_OF_RANGE FAILED_PRECONDITION NOT_FOUND ALREADY_EXISTS",
        "The recogniser did not accept the request.",
        fault=Fault.CALLER,
        retryable=False,
    ),
    _rule(
        "",
        "The recogniser failed.",
        retryable=False,
    ),
)


def from_status(status: str, text: str, *, doing: str) -> AsrError:
    """Turn the end of a call into an `AsrError` by the first fitting rule.

    Args:
        status: the gRPC status's name, such as "UNAVAILABLE".
        text: the status's text as the server or the transport gave it.
        doing: what the call was for, for the log ("stream", "list models").
    """
    rule = next(rule for rule in RULES if _fits(rule, status, text))
    return AsrError(
        status if rule.code is None else rule.code,
        rule.message,
        retryable=rule.retryable,
        fault=rule.fault,
        detail=f"{doing}: {status}: {text}",
    )


def _fits(rule: Rule, status: str, text: str) -> bool:
    if rule.statuses and status not in rule.statuses:
        return False
    return rule.text is None or rule.text.search(text) is not None


# A server that is full is well, and what this side cancelled or lacks is not the server's doing.
_NOT_THE_SERVERS = frozenset(
    {
        ErrorCode.CANCELLED,
        ErrorCode.CLIENT_CLOSED,
        ErrorCode.RESOURCE_EXHAUSTED,
        ErrorCode.STREAM_IDLE,
        ErrorCode.STREAM_LIMIT,
    }
)


def blames_endpoint(error: AsrError) -> bool:
    """Return whether an error speaks against its server, and counts towards its ejection."""
    return error.fault is not Fault.CALLER and error.code not in _NOT_THE_SERVERS


def is_elsewhere_different(error: AsrError) -> bool:
    """Return whether another server may answer the same call: a passing error, or one of set-up."""
    if error.code == ErrorCode.CLIENT_CLOSED:
        return False
    return error.retryable or error.fault is Fault.SETUP


def invalid(field: str, value: object, accepted: str) -> AsrError:
    """Return the error that names an argument, its value and what is accepted."""
    return AsrError(
        ErrorCode.INVALID_ARGUMENT,
        f"{field} is {value!r}; accepted: {accepted}.",
        retryable=False,
        fault=Fault.CALLER,
    )


def late(doing: str, seconds: float) -> AsrError:
    """Return the error for a recogniser that kept silent beyond a deadline."""
    return from_status("DEADLINE_EXCEEDED", f"nothing within {seconds:g} s", doing=doing)


def answer_invalid(detail: str) -> AsrError:
    """Return the error for an answer that is no message of Riva's."""
    return AsrError(
        ErrorCode.ANSWER_INVALID,
        "The recogniser's answer cannot be read.",
        retryable=True,
        fault=Fault.SERVICE,
        detail=f"answer: {detail}",
    )


def answer_too_large(detail: str) -> AsrError:
    """Return the error for a recogniser that says more than can be."""
    return AsrError(
        ErrorCode.ANSWER_TOO_LARGE,
        "The recogniser answered with more than there can be to say.",
        retryable=True,
        fault=Fault.SERVICE,
        detail=f"answer: {detail}",
    )


def tls_failed(detail: str, message: str = NO_SECURE_CONNECTION) -> AsrError:
    """Return the error for a connection that cannot be made as securely as was asked for."""
    return AsrError(
        ErrorCode.TLS_FAILED, message, retryable=False, fault=Fault.SETUP, detail=detail
    )


def client_closed() -> AsrError:
    """Return the error for a call that this side ended."""
    return AsrError(
        ErrorCode.CLIENT_CLOSED,
        "The service is shutting down.",
        retryable=True,
        fault=Fault.SERVICE,
    )
