"""Parses a multipart form: writes its file to disk, and keeps the texts that are asked for.

Starlette's own form parser cannot be told where its files lie, and knows no bound over all
requests. Here nothing of a body stays in memory but the piece that came last.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from app.contract import ContractError, ErrorCode

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MEDIA_TYPE: Final = b"multipart/form-data"
_FIELD: Final = b"file"
MAX_TEXT_BYTES: Final = 32 * 1024
"""All texts of a form that are kept, which lie in memory."""

_MAX_HEADER_BYTES: Final = 8192
"""The headers of one part, names and values."""

_MAX_NAME_CHARS: Final = 255


@dataclass(frozen=True, slots=True)
class FormRules:
    """What a form may hold beside its file.

    Attributes:
        texts: Names of the fields that are kept; others are passed over.
        most_parts: Fields in all.
    """

    texts: Collection[str] = ()
    most_parts: int = 16


class FormFile:
    """Parses a form and keeps the file in its field `file`.

    Every method blocks: they are for a thread.

    Args:
        content_type: The request's.
        limit: Most bytes of the file.
        folder: Where the file lies, without a name; None takes the system's own.
        rules: What it may hold beside.

    Raises:
        ContractError: `bad_request`: it is no form.
        OSError: There is no such folder.
    """

    def __init__(
        self,
        content_type: str,
        limit: int,
        folder: str | None = None,
        rules: FormRules = FormRules(),
    ) -> None:
        kind, options = parse_options_header(content_type)
        if kind != MEDIA_TYPE:
            raise _bad("Content-Type must be multipart/form-data with a field named file")
        if b"boundary" not in options:
            raise _bad("Content-Type names no boundary")
        self._parser = _parser(options[b"boundary"], self._callbacks())
        self.limit = limit
        self._parts = 0
        self._header = (bytearray(), bytearray())
        self._header_bytes = 0
        self._disposition = ""
        self._is_inside = self._is_whole = False
        self._rules = rules
        self._text: bytearray | None = None
        self._text_bytes = 0
        self._texts: dict[str, list[bytearray]] = {}
        self.name: str | None = None
        self.size = 0
        self.file = cast("BinaryIO", TemporaryFile(dir=folder))  # noqa: SIM115 - `close` does it

    def feed(self, piece: bytes) -> None:
        """Parse the next bytes.

        Raises:
            ContractError: `bad_request` for what is no form, `upload_too_big`.
            OSError: The file could not be written.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _bad(f"The form cannot be read: {error}") from error

    def finish(self) -> str:
        """Check that there is a whole file, and rewind it.

        Returns:
            Its name as the client gave it, at most 255 characters.

        Raises:
            ContractError: `bad_request`: what is missing.
            OSError: The file could not be written.
        """
        if self.name is None:
            raise _bad("The form has no file in a field named file")
        if not self._is_whole:
            raise _bad("The form ends inside the file")
        if not self.size:
            raise _bad("The file is empty")
        if self._text is not None:
            raise _bad("The form ends inside a field")
        self.file.seek(0)
        return self.name

    def texts(self) -> Mapping[str, Sequence[str]]:
        """Return the texts that are kept, by the name of their field, in the order they came in.

        Raises:
            ContractError: `bad_request`: one is no UTF-8.
        """
        return {name: [_utf8(name, one) for one in values] for name, values in self._texts.items()}

    def close(self) -> None:
        """Close the file, which frees its space on disk."""
        self.file.close()

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._write,
            "on_part_end": self._end_part,
        }

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > self._rules.most_parts:
            raise _bad(f"The form has more than {self._rules.most_parts} fields")
        self._disposition, self._header_bytes = "", 0

    def _add(self, which: int, data: bytes) -> None:
        self._header_bytes += len(data)
        if self._header_bytes > _MAX_HEADER_BYTES:
            raise _bad(f"A field of the form has more than {_MAX_HEADER_BYTES} bytes of headers")
        self._header[which].extend(data)

    def _end_header(self) -> None:
        name, value = (bytes(part) for part in self._header)
        if name.lower() == b"content-disposition":
            self._disposition = value.decode("latin-1")
        self._header = (bytearray(), bytearray())

    def _open_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._is_inside = options.get(b"name") == _FIELD and b"filename" in options
        name = _text(options.get(b"name", b""))
        if name in self._rules.texts and not self._is_inside:
            self._text = bytearray()
            self._texts.setdefault(name, []).append(self._text)
        if self._is_inside:
            if self.name is not None:
                raise _bad("The form has more than one file in a field named file")
            self.name = _text(options[b"filename"])[:_MAX_NAME_CHARS]

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._text is not None:
            self._text_bytes += end - start
            if self._text_bytes > MAX_TEXT_BYTES:
                raise _bad(f"The texts of the form have more than {MAX_TEXT_BYTES} bytes")
            self._text.extend(memoryview(data)[start:end])
        if not self._is_inside:
            return
        self.size += end - start
        if self.size > self.limit:
            raise ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=self.limit)
        self.file.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        self._is_whole |= self._is_inside
        self._is_inside = False
        self._text = None


def _parser(boundary: bytes, callbacks: "MultipartCallbacks") -> MultipartParser:
    try:
        return MultipartParser(boundary, callbacks)
    except FormParserError as error:
        raise _bad(f"Content-Type cannot be used: {error}") from error


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


def _utf8(field: str, value: bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _bad(f"The field {field} is no UTF-8") from error


def _bad(detail: str) -> ContractError:
    return ContractError(ErrorCode.BAD_REQUEST, detail=detail)
