"""The spans there are; docs/observability.md has a row for each."""

from enum import StrEnum


class SpanName(StrEnum):
    """What a span is called."""

    STREAM = "perch.stream"
    UPLOAD = "perch.upload"
    ADMISSION = "perch.admission"
    RESUME = "perch.resume"
    FIRST_AUDIO = "perch.first_audio"
    FIRST_INTERIM = "perch.first_interim"
    FINAL = "perch.final"
    REPLAY = "perch.replay"
    RECOGNITION = "perch.recognition"
