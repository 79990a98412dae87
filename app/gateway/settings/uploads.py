"""The settings of uploads: the part APP_*UPLOAD* of the gateway's."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, Field

from app.settings import Problem, Settings, rule
from app.settings.types import OptionalPath, OptionalSeconds, Seconds

_MIB = 1024 * 1024


def _writable_folder(path: Path | None) -> Path | None:
    if path is not None and not (path.is_dir() and os.access(path, os.W_OK | os.X_OK)):
        raise ValueError("no folder that can be written to")
    return path


class UploadSettings(Settings):
    """What an operator may change about uploads."""

    app_max_upload_mb: Annotated[float, Gt(0), Le(1024)] = Field(
        64.0, description="a number above 0, to 1024: largest upload in MiB"
    )
    app_max_upload_s: Seconds = Field(
        3600.0, description="seconds above 0, to 86400: longest uploaded recording"
    )
    app_upload_timeout_s: Seconds = Field(
        300.0, description="seconds above 0, to 86400, an upload may take to arrive"
    )
    app_upload_min_kb_s: Annotated[float, Ge(0), Le(1_000_000)] = Field(
        4.0,
        description="a number from 0 to 1000000: KiB a second an upload has to bring, or it is cut "
        "within seconds; 0 asks for none",
    )
    app_max_uploads: Annotated[int, Ge(1), Le(10_000)] = Field(
        16,
        description="a whole number from 1 to 10000: uploads at once, from the first byte to the "
        "answer",
    )
    app_upload_spool_mb: Annotated[float, Gt(0), Le(1_048_576)] = Field(
        1024.0,
        description="a number from APP_MAX_UPLOAD_MB to 1048576: MiB on disk of all uploads",
    )
    app_upload_audio_s: Annotated[float, Gt(0), Le(8_640_000)] = Field(
        14_400.0,
        description="seconds from APP_MAX_UPLOAD_S to 8640000: length of all recordings that are "
        "recognised at once",
    )
    app_upload_session_share: Annotated[float, Ge(0), Le(1)] = Field(
        0.5,
        description="a number from 0 to 1: of the sessions, what uploads may use; one at least",
    )
    app_upload_client_share: Annotated[float, Gt(0), Le(1)] = Field(
        0.5,
        description="a number above 0, to 1: of what all uploads may have, what one client may; "
        "one upload at least",
    )
    app_upload_wait_s: OptionalSeconds = Field(
        30.0, description="seconds from 0 to 86400 an upload that has arrived waits for a session"
    )
    app_upload_max_realtime_factor: Annotated[float, Ge(0), Le(100_000)] = Field(
        400.0,
        description="a number from 0 to 100000: how much faster than real time all uploads "
        "together are heard; 0 for no limit",
    )
    app_upload_dir: Annotated[OptionalPath, AfterValidator(_writable_folder)] = Field(
        None,
        description="empty for the system's own, or a folder that can be written to, on a disk: "
        "where uploads lie while they are recognised",
    )

    @property
    def max_upload_bytes(self) -> int:
        """Largest upload."""
        return int(self.app_max_upload_mb * _MIB)

    @property
    def upload_spool_bytes(self) -> int:
        """Bytes on disk of all uploads."""
        return int(self.app_upload_spool_mb * _MIB)

    @property
    def upload_min_bytes_s(self) -> float:
        """Bytes a second an upload has to bring."""
        return self.app_upload_min_kb_s * 1024

    @rule
    def _one_upload_has_room(self) -> Iterator[Problem]:
        if self.app_upload_spool_mb < self.app_max_upload_mb:
            yield self.problem("app_upload_spool_mb", str(self.app_upload_spool_mb))

    @rule
    def _one_recording_is_recognised(self) -> Iterator[Problem]:
        if self.app_upload_audio_s < self.app_max_upload_s:
            yield self.problem("app_upload_audio_s", str(self.app_upload_audio_s))
