"""Who may speak to the simulated AWS: programs of its own run, and no web page.

moto believes everybody and lets every web page read its answers. What stands here before it takes a
request only when it names this machine (a page that rebinds its name's address does not), carries
nothing that browsers add, and is signed with the access key of the run.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from ops.loopback import NAMES
from ops.offline.simulator.credentials import AccessKey
from ops.offline.simulator.sigv4 import SignatureError, SignedRequest, check, read_claim

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BODY_BYTES: Final = 32 * 2**20
"""Largest request; what the program uploads are scripts and bundles of a few megabytes."""

_HOST: Final = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:\d{1,5})?")
_BROWSERS: Final = ("origin", "sec-fetch-site", "access-control-request-method")
"""Headers that browsers add and that no SDK sends."""
_CLOSED: Final = ("/moto-api", "/latest/")
"""moto's own pages, which reset everything, and its instance metadata, which hands out keys."""

Clock = Callable[[], datetime]


class Guard:
    """A WSGI application before another one.

    Args:
        application: what is guarded.
        key: what requests have to be signed with.
        clock: tells the time, with offset.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        key: AccessKey,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._application = application
        self._key = key
        self._clock = clock

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Pass a request on, or refuse it as AWS would."""
        request = _request(environ)
        try:
            body = self._proved(request, environ)
        except SignatureError as error:
            return _refusal(request.headers, error, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return self._application(environ, start_response)

    def _proved(self, request: SignedRequest, environ: "WSGIEnvironment") -> bytes:
        """Return the body of a request that may pass; only a known key's is read at all."""
        _refuse_strangers(request)
        if str(environ.get("PATH_INFO", "")).startswith(_CLOSED):
            raise SignatureError("AccessDenied", "moto's own pages are closed here")
        claim = read_claim(request, self._key, now=self._clock())
        body = _body(environ)
        check(request, claim, self._key, body)
        return body


def _request(environ: "WSGIEnvironment") -> SignedRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    # werkzeug keeps what was asked for as it was; PATH_INFO is decoded.
    return SignedRequest(
        method=str(environ["REQUEST_METHOD"]),
        url=f"http://{headers.get('host', '')}{environ['RAW_URI']}",
        headers=headers,
    )


def _refuse_strangers(request: SignedRequest) -> None:
    found = _HOST.fullmatch(request.headers.get("host", ""))
    if found is None or found["name"].strip("[]").lower() not in NAMES:
        raise SignatureError(
            "AccessDenied",
            "the Host header does not name this machine; accepted: localhost, 127.0.0.1, [::1]",
        )
    if any(name in request.headers for name in _BROWSERS):
        raise SignatureError("AccessDenied", "web pages may not speak here")
    if request.url != request.url.strip() or not request.url.isascii():
        raise SignatureError("IncompleteSignature", "the address is not percent-encoded")


def _body(environ: "WSGIEnvironment") -> bytes:
    announced = str(environ.get("CONTENT_LENGTH") or "0")
    length = int(announced) if announced.isdecimal() else 0
    if environ.get("wsgi.input_terminated"):  # sent in chunks, with no length before them
        length = BODY_BYTES + 1
    body = bytes(environ["wsgi.input"].read(min(length, BODY_BYTES + 1)))
    if len(body) > BODY_BYTES:
        raise SignatureError("RequestEntityTooLarge", f"bodies have at most {BODY_BYTES} bytes")
    return body


def _refusal(
    headers: Mapping[str, str], error: SignatureError, start_response: "StartResponse"
) -> list[bytes]:
    """Answer in the form that the asking SDK reads: JSON where it speaks JSON, else XML."""
    if "json" in headers.get("content-type", ""):
        media = "application/x-amz-json-1.1"
        text = json.dumps({"__type": error.code, "message": str(error)})
    else:
        media = "text/xml"
        said = f"<Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
        text = f"<ErrorResponse><Error>{said}</Error></ErrorResponse>"
    body = text.encode()
    start_response(
        "403 Forbidden",
        [
            ("Content-Type", media),
            ("Content-Length", str(len(body))),
            ("x-amzn-ErrorType", error.code),
        ],
    )
    return [body]
