"""Whether a request carries the signature of a known access key: AWS's Signature Version 4.

The canonical form and the signature are botocore's own, made a second time from what arrived. How
they are made is described in the IAM user guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ops.offline.simulator.credentials import AccessKey

SKEW_SECONDS: Final = 900.0
"""How far the time of a request may lie from now (IAM user guide: within five to 15 minutes)."""

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +"
    r"Credential=(?P<id>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request, *"
    r"SignedHeaders=(?P<headers>[a-z0-9;._-]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}")


class SignatureError(Exception):
    """A request is not from who may speak here.

    Args:
        code: AWS's name of the error.
        message: one sentence, without anything of the request.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is made of.

    Attributes:
        method: HTTP method.
        url: as it was asked for, percent-encoding and query included.
        headers: by name in small letters.
    """

    method: str
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """The Authorization header of a request, taken apart; nothing of it is proved yet.

    Attributes:
        region: AWS region it was signed for.
        service: service it was signed for.
        names: the headers that were signed.
        signature: 64 hexadecimal digits.
        timestamp: when it was signed, as in 20260131T235959Z.
    """

    region: str
    service: str
    names: tuple[str, ...]
    signature: str
    timestamp: str


def read_claim(request: SignedRequest, key: AccessKey, *, now: datetime) -> Claim:
    """Read who a request says that it is from; needs no body.

    Args:
        request: what arrived.
        key: the only one that is known.
        now: time, with offset.

    Raises:
        SignatureError: it is not signed, by another key, or at another time.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise SignatureError(
            "MissingAuthenticationToken",
            "the request is not signed; this simulated AWS takes requests signed with the access"
            " key in the credentials file of its run, in the Authorization header",
        )
    found = _AUTHORIZATION.fullmatch(header.strip())
    if found is None:
        raise SignatureError(
            "IncompleteSignature", "the Authorization header is no AWS4-HMAC-SHA256 signature"
        )
    if not hmac.compare_digest(found["id"].encode(), key.id.encode()):
        raise SignatureError(
            "InvalidClientTokenId",
            "the access key is not that of this run; it stands in the credentials file of the run",
        )
    names = tuple(found["headers"].split(";"))
    timestamp = request.headers.get("x-amz-date", "")
    if not {"host", "x-amz-date"} <= set(names):
        raise SignatureError(
            "IncompleteSignature", "the headers Host and X-Amz-Date have to be signed"
        )
    if timestamp[:8] != found["date"] or not _is_recent(timestamp, now):
        raise SignatureError(
            "RequestTimeTooSkewed",
            f"X-Amz-Date is not within {SKEW_SECONDS:.0f} s of this machine's clock",
        )
    return Claim(found["region"], found["service"], names, found["signature"], timestamp)


def _is_recent(timestamp: str, now: datetime) -> bool:
    try:
        signed = datetime.strptime(timestamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs((now - signed).total_seconds()) <= SKEW_SECONDS


def check(request: SignedRequest, claim: Claim, key: AccessKey, body: bytes) -> None:
    """Prove a claim.

    Args:
        request: what arrived.
        claim: what `read_claim` read in it.
        key: the only one that is known.
        body: the whole body.

    Raises:
        SignatureError: the request is not the one that was signed.
    """
    signed = {name: request.headers[name] for name in claim.names if name in request.headers}
    again = AWSRequest(request.method, request.url, headers=signed, data=body)
    again.context["timestamp"] = claim.timestamp
    # S3 alone signs a path as it is; every other service encodes it once more.
    signer = (S3SigV4Auth if claim.service == "s3" else SigV4Auth)(
        Credentials(key.id, key.secret), claim.service, claim.region
    )
    expected = signer.signature(
        signer.string_to_sign(again, signer.canonical_request(again)), again
    )
    if not hmac.compare_digest(expected, claim.signature) or not _is_body(signed, body):
        raise SignatureError(
            "SignatureDoesNotMatch", "the signature is not that of this request by this run's key"
        )


def _is_body(signed: Mapping[str, str], body: bytes) -> bool:
    """Return whether a checksum that was signed in place of the body is the body's."""
    checksum = signed.get("x-amz-content-sha256", "")
    # Words such as UNSIGNED-PAYLOAD say that the body was left out on purpose.
    return _CHECKSUM.fullmatch(checksum) is None or hmac.compare_digest(
        checksum, hashlib.sha256(body).hexdigest()
    )
