"""The one format of audio inside the service: PCM16 little-endian, mono."""

from typing import Final

BYTES_PER_SAMPLE: Final = 2
