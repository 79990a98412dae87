"""A prefix of an S3 bucket as a place of recordings and results.

The person's own settings of AWS lead there, whatever stack hears the recordings: `AWS_PROFILE`,
`AWS_REGION`, `AWS_ENDPOINT_URL_S3` and the rest of what boto3 reads. The simulated AWS of a stack
on this machine is never asked by itself: what is written there is gone when that stack is.
"""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.batch.names import why_no_key
from ops.batch.place import Entry, Listing, NoSuchNameError, NoSuchRecordingError, StoppedError
from ops.console.errors import CommandFailedError, ConfigurationError, one_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_FAILURES: Final = (BotoCoreError, ClientError, ValueError, OSError)
"""What a call can end with: botocore's own, and what its HTTP client makes of odd settings."""

_PIECE_BYTES: Final = 1 << 20
_COPIES: Final = 3
_CONNECTIONS: Final = 64
_CALLS: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=_CONNECTIONS,
    # Others than Amazon's answer without; whole objects are compared by their ETag.
    response_checksum_validation="when_required",
    request_checksum_calculation="when_required",
)
_GONE: Final = frozenset({"NoSuchKey", "404"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_TYPES: Final = {
    ".json": "application/json",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


class Bucket:
    """All keys of a bucket that begin with a prefix.

    Args:
        name: Of the bucket.
        prefix: Empty for all of it, or with a slash at its end.

    Raises:
        ConfigurationError: The person's settings of AWS cannot be used.
    """

    def __init__(self, name: str, prefix: str) -> None:
        self._bucket = name
        self._prefix = prefix
        try:
            self._s3: Any = boto3.client("s3", config=_CALLS)
        except (*_FAILURES, ImportError) as error:
            # A profile that is not there, a file that is no configuration, an odd mode.
            raise ConfigurationError(
                f"{self.shown} cannot be asked with the settings of this shell (AWS_PROFILE and "
                f"the other AWS_*, ~/.aws/config): {one_line(error)}"
            ) from None

    @property
    def shown(self) -> str:
        """As a person writes it."""
        return f"s3://{self._bucket}/{self._prefix}"

    def listing(self) -> Listing:
        """Return everything in it, without the empty objects that stand for folders.

        Raises:
            CommandFailedError: It cannot be listed.
        """
        entries: list[Entry] = []
        pages = self._s3.get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                entries += [
                    self._entry(found)
                    for found in page.get("Contents", ())
                    if not (found["Key"].endswith("/") and not found["Size"])
                    and found["Key"] != self._prefix
                ]
        except _FAILURES as error:
            self._fail("cannot be listed", error)
        return Listing(sorted(entries, key=lambda entry: entry.name))

    def _entry(self, found: dict[str, Any]) -> Entry:
        return Entry(
            name=found["Key"].removeprefix(self._prefix),
            size=found["Size"],
            modified=found["LastModified"].isoformat(),
            etag=found["ETag"],
        )

    @contextmanager
    def open(self, entry: Entry, stop: threading.Event) -> Iterator[BinaryIO]:
        """Copy a recording to a nameless file of this machine; see `Place.open`."""
        with tempfile.TemporaryFile(prefix="perch-") as file:
            try:
                self._copy(entry, file, stop)
            except _FAILURES as error:
                raise NoSuchRecordingError(_why(error)) from None
            file.seek(0)
            yield file

    def _copy(self, entry: Entry, file: BinaryIO, stop: threading.Event) -> None:
        """Copy a recording; one whose answer breaks off is asked for again from its beginning."""
        for attempt in range(_COPIES):
            file.seek(0)
            file.truncate()
            answer = self._s3.get_object(
                Bucket=self._bucket, Key=self._prefix + entry.name, IfMatch=entry.etag
            )
            try:
                with closing(answer["Body"]) as body:
                    for piece in body.iter_chunks(_PIECE_BYTES):
                        if stop.is_set():
                            raise StoppedError
                        file.write(piece)
            except BotoCoreError:
                if attempt + 1 == _COPIES:
                    raise
            else:
                return

    def name_for(self, name: str) -> str:
        """Return what the results of a recording are called here, without their endings.

        Raises:
            NoSuchNameError: It is too long, or no text.
        """
        why = why_no_key(f"{self._prefix}{name}.json")
        if why is not None:
            raise NoSuchNameError(f"cannot be written to {self.shown}: {why}")
        return name

    def read(self, name: str) -> bytes | None:
        """Return what lies under a name; see `Place.read`."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
            with closing(answer["Body"]) as body:
                data: bytes = body.read()
                return data
        except _FAILURES as error:
            if _code(error) in _GONE:
                return None
            self._fail(f"cannot be read ({name!a})", error)

    def write(self, name: str, data: bytes) -> None:
        """Put a result under a name: a put of S3 is seen whole or not at all."""
        kind = _TYPES.get(name[name.rfind(".") :], "application/octet-stream")
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=self._prefix + name, Body=data, ContentType=kind
            )
        except _FAILURES as error:
            self._fail(f"cannot be written to ({name!a})", error)

    def _fail(self, what: str, error: Exception) -> NoReturn:
        raise CommandFailedError(f"{self.shown} {what}: {one_line(error)}") from None


def _why(error: Exception) -> str:
    code = _code(error)
    if code in _GONE:
        return "is gone since it was listed"
    if code in _CHANGED:
        return "was changed since it was listed; run this again"
    return f"cannot be read: {one_line(error)}"


def _code(error: Exception) -> str:
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))
