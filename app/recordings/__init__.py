"""Recordings: one decoder for every container and sample format, for everybody who reads sound.

Uploads, the Python client, `perch transcribe`, the emulator and the quality checks all read through
`open_recording` (block by block, in bounded memory) or `read_recording` (a short one at once).
Both block: on an event loop, call them in a thread, or use `StreamedRecording` for what comes piece
by piece. `containers` find the samples, `decoders` decode them.
"""

from .decoding import OpenRecording, open_recording, read_recording
from .errors import RecordingError, RecordingProblem
from .formats import ACCEPTED
from .limits import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, RecordingLimits
from .live import can_be_decoded, certain_name_of
from .samples import Pcm16
from .streamed import StreamedRecording

__all__ = [
    "ACCEPTED",
    "HIGHEST_RATE_HZ",
    "LOWEST_RATE_HZ",
    "OpenRecording",
    "Pcm16",
    "RecordingError",
    "RecordingLimits",
    "RecordingProblem",
    "StreamedRecording",
    "can_be_decoded",
    "certain_name_of",
    "open_recording",
    "read_recording",
]
