"""An upload's form, cut in pieces: a file that was in it, or one error of the contract."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from app.contract import ContractError
from app.contract.codes import ErrorCode
from app.gateway.uploads.form import FormFile
from tests.fuzz.target import Target, check_code

_LIMIT: Final = 2000
_PIECES: Final = (1, 2, 5, 17, 100, 1 << 16)
_HEAD: Final = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n'


def _form(boundary: bytes, *parts: bytes) -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + (
        b"--" + boundary + b"--\r\n"
    )


def seeds() -> list[bytes]:
    """A line with the type, then the body; the first byte chooses the size of the pieces."""
    usual = b"multipart/form-data; boundary=x"
    file = _HEAD + b"Content-Type: audio/wav\r\n\r\nsound\r\n--x-y\r\n-"
    field = b'Content-Disposition: form-data; name="language"\r\n\r\nen'
    said = [
        (usual, _form(b"x", file)),
        (usual, _form(b"x", field, file, field)),
        (usual, _form(b"x", file, file)),
        (usual, _form(b"x", *[field] * 17)),
        (usual, _form(b"x", _HEAD + b"\r\n" + bytes(_LIMIT + 1))),
        (usual, _form(b"x", b"X: " + b"y" * 9000 + b"\r\n\r\n")),
        (usual, b"preamble\r\n" + _form(b"x", file) + b"epilogue"),
        (usual, b"--x\r\n" + _HEAD),
        (
            usual,
            _form(
                b"x",
                b"content-disposition: form-data; NAME=file; filename*=utf-8''%e2%82%ac\r\n\r\n1",
            ),
        ),
        (b'multipart/form-data; boundary="a b"', _form(b"a b", file)),
        (b"Multipart/Form-Data;boundary=" + b"b" * 71, _form(b"b" * 71, file)),
        (b"multipart/form-data", b""),
        (b"multipart/form-data; boundary=", b"--\r\n"),
        (b"application/x-www-form-urlencoded", b"file=1"),
    ]
    return [
        bytes([at % len(_PIECES)]) + kind + b"\n" + body for at, (kind, body) in enumerate(said)
    ]


def check(data: bytes) -> None:
    """Parse it in pieces, and in one: the answers are the same."""
    kind, _, body = data[1:].partition(b"\n")
    size = _PIECES[data[0] % len(_PIECES)] if data else 1
    taken = _taken(kind.decode("latin-1"), body, size)
    whole = _taken(kind.decode("latin-1"), body, max(1, len(body)))
    if isinstance(taken, ContractError) or isinstance(whole, ContractError):
        # Where in the form an error lies is told by the piece.
        assert type(taken) is type(whole), (taken, whole)
        return
    assert taken == whole
    name, file = taken
    assert 0 < len(file) <= _LIMIT
    assert file in body, "the file is not in the form"
    assert len(name) <= 255


def _taken(kind: str, body: bytes, size: int) -> tuple[str, bytes] | ContractError:
    try:
        form = FormFile(kind, _LIMIT)
        with closing(form):
            for start in range(0, len(body), size):
                form.feed(body[start : start + size])
            name = form.finish()
            return name, form.file.read()
    except ContractError as refused:
        check_code(refused, {ErrorCode.BAD_REQUEST, ErrorCode.UPLOAD_TOO_BIG})
        return refused


FORMS: Final = Target(
    name="forms",
    title="Multipart forms of uploads",
    seeds=seeds,
    check=check,
    longest=16_384,
)
