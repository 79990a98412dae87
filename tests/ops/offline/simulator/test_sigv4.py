"""What counts as a signature: all that botocore signs, and nothing that differs from it.

botocore stands on both sides. That other SDKs sign alike is AWS's specification, not proved here.
"""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.errors import OfflineError
from ops.offline.simulator import credentials
from ops.offline.simulator.credentials import AccessKey
from ops.offline.simulator.sigv4 import (
    SKEW_SECONDS,
    SignatureError,
    SignedRequest,
    check,
    read_claim,
)

KEY = AccessKey("PERCH0123456789ABCDE", "not-a-secret")
HOST = "127.0.0.1:8440"
BODY = b'{"Name": "a"}'

encoded = st.text("abXY09-_.~ ü%+/", min_size=1, max_size=8).map(lambda word: quote(word, "-_.~"))


@st.composite
def requests(draw: st.DrawFn) -> tuple[SignedRequest, bytes]:
    """A request signed for some service, as an SDK sends it, and its body."""
    path = "/" + "/".join(draw(st.lists(encoded, max_size=3)))
    query = "&".join(
        f"{name}={value}" for name, value in draw(st.lists(st.tuples(encoded, encoded), max_size=3))
    )
    body = draw(st.binary(max_size=40))
    request = sign(
        draw(st.sampled_from(("s3", "ssm", "ec2"))),
        method=draw(st.sampled_from(("GET", "POST", "PUT"))),
        place=f"{path}{f'?{query}' if query else ''}",
        extra=draw(st.text("ab  c", max_size=6)),
        body=body,
    )
    return request, body


def sign(
    service: str = "ssm",
    *,
    method: str = "POST",
    place: str = "/",
    extra: str = "x",
    body: bytes = BODY,
    key: AccessKey = KEY,
) -> SignedRequest:
    request = AWSRequest(method, f"http://{HOST}{place}", {"X-Amz-Extra": extra}, body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(key.id, key.secret), service, "us-east-2").add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return SignedRequest(method, str(request.url), {"host": HOST, **headers})


def verify(request: SignedRequest, body: bytes = BODY, *, now: datetime | None = None) -> None:
    check(request, read_claim(request, KEY, now=now or datetime.now(UTC)), KEY, body)


def code(request: SignedRequest, body: bytes = BODY, *, now: datetime | None = None) -> str:
    with pytest.raises(SignatureError) as refused:
        verify(request, body, now=now)
    return refused.value.code


def changed(request: SignedRequest, **headers: str) -> SignedRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return dataclasses.replace(request, headers={**request.headers, **named})


@given(requests())
def test_what_an_sdk_signs_passes(made: tuple[SignedRequest, bytes]) -> None:
    verify(*made)


@given(requests(), st.sampled_from(("method", "place", "header", "body")))
def test_what_was_changed_on_the_way_does_not(made: tuple[SignedRequest, bytes], what: str) -> None:
    request, body = made
    match what:
        case "method":
            request = dataclasses.replace(request, method="DELETE")
        case "place":
            request = dataclasses.replace(request, url=f"{request.url}z")
        case "header":
            request = changed(request, x_amz_extra="other")
        case _:
            body += b"z"
    assert code(request, body) == "SignatureDoesNotMatch"


@given(st.text())
def test_any_other_authorization_is_refused_without_a_traceback(text: str) -> None:
    assert code(changed(sign(), authorization=text)) == "IncompleteSignature"


def test_headers_that_are_not_signed_may_be_added() -> None:
    verify(changed(sign(), user_agent="a proxy's", accept="*/*"))


def test_a_signature_is_good_for_a_quarter_of_an_hour() -> None:
    request, now = sign(), datetime.now(UTC)
    for minutes in (-14, 0, 14):
        verify(request, now=now + timedelta(minutes=minutes))
    late = now + timedelta(seconds=SKEW_SECONDS + 5)
    assert code(request, now=late) == "RequestTimeTooSkewed"
    assert code(request, now=now - timedelta(minutes=16)) == "RequestTimeTooSkewed"
    assert code(changed(request, x_amz_date="yesterday")) == "RequestTimeTooSkewed"


def test_time_and_place_have_to_be_signed() -> None:
    request = sign()
    for name in ("host", "x-amz-date"):
        header = request.headers["authorization"]
        names = header.partition("SignedHeaders=")[2].partition(",")[0]
        fewer = ";".join(one for one in names.split(";") if one != name)
        less = changed(request, authorization=header.replace(names, fewer))
        assert code(less) == "IncompleteSignature"


def test_every_key_is_another_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    first, second = credentials.issue(file), credentials.issue(file)
    assert first.id != second.id
    assert first.secret != second.secret
    assert credentials.load(file) == second
    assert file.stat().st_mode & 0o777 == 0o600
    assert second.secret not in repr(second)
    assert code(sign(key=first)) == "InvalidClientTokenId"


@pytest.mark.parametrize("text", ["", "[default]\n", "no file of this kind", "[other]\na = b\n"])
def test_a_file_without_a_key_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials").write_text(text)
    with pytest.raises(OfflineError, match=r"has no \[default\] with aws_access_key_id"):
        credentials.load(tmp_path / "credentials")
