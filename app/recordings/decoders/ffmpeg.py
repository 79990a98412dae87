"""Containers that libsndfile does not know, through the program ffmpeg where it is installed.

ffmpeg reads a stranger's bytes here. It is told which container they are, may open nothing but its
pipes, inherits no setting, and has bounds on memory and processor time.
"""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Final

import numpy as np

from ..errors import RecordingError
from ..limits import MODEL_RATE_HZ
from ..samples import Frames
from ..sources import Source

MP4: Final = "mov"

_DEMUXERS: Final = {
    "WebM or Matroska": "matroska",
    "MP4 or M4A (AAC)": MP4,
    "AAC": "aac",
    "Speex in Ogg": "ogg",
    "AMR": "amr",
    "WMA": "asf",
}
"""What browsers and telephones record and libsndfile does not read, by `formats.name_of`."""

_MEMORY_BYTES: Final = 1 << 30
"""Of address space; a decoder of speech needs a tenth of it."""

_PROCESSOR_S: Final = 1800
"""Of processor time: a day of AAC or Opus takes a small part of it. Who waits for bytes takes none,
so with this a program that yields nothing ends too."""

_COPIED_BYTES: Final = 1 << 16
_COPIED_LIVE_BYTES: Final = 512
"""Of what comes as it is spoken: a tenth of a second of a browser's Opus."""

_FLOAT_BYTES: Final = 4
_NOTHING_HEARD: Final = (
    "ffmpeg finds no sound in it that can be decoded as it comes, and an MP4 with its index at the "
    "end has none; `ffmpeg -i FILE -ac 1 -ar 16000 OUTPUT.wav` makes what is accepted of it"
)
_END_S: Final = 5.0
"""For a program that was killed to be gone."""


def demuxer_of(name: str | None) -> str | None:
    """Return the demuxer for a format by its name; None where there is none, or no ffmpeg."""
    demuxer = None if name is None else _DEMUXERS.get(name)
    return demuxer if demuxer is not None and shutil.which("ffmpeg") else None


def is_ffmpegs(name: str) -> bool:
    """Return whether a format by its name is decoded here where ffmpeg is installed."""
    return name in _DEMUXERS


class FfmpegSound:
    """A recording that ffmpeg decodes to mono at the models' rate, read forward only.

    Args:
        source: The recording; it is read in a thread.
        demuxer: ffmpeg's name of the container.

    Attributes:
        failure: What went wrong with the source, None while nothing did.
        ended: Whether all of the source was read.
        reason: Why the program could not go on, None where it came to the end.
        samplerate: Hz.
        channels: Of what is handed out.
    """

    samplerate: int = MODEL_RATE_HZ
    channels: int = 1

    def __init__(self, source: Source, demuxer: str) -> None:
        self.failure: RecordingError | OSError | None = None
        self.ended = False
        self.reason: str | None = None
        self._source = source
        self._closing = False
        self._decoded = 0
        self._program = subprocess.Popen(  # noqa: S603 - a fixed list of arguments, no shell
            [shutil.which("ffmpeg") or "ffmpeg", *_arguments(demuxer)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath},
            cwd="/",
            # Ctrl-C is for us; what we then do about it includes ending this.
            start_new_session=True,
        )
        _bound(self._program.pid)
        # A daemon: a person's pipe on which nothing comes must not keep the process alive.
        self._feeder = threading.Thread(target=self._feed, name="feed ffmpeg", daemon=True)
        self._feeder.start()

    def next_frames(self, most: int) -> Frames:
        """Return up to so many frames; none at the end or after an error."""
        pipe, wanted = _pipe(self._program.stdout), most * _FLOAT_BYTES
        data = b""
        while len(data) < wanted and (came := pipe.read(wanted - len(data))):
            data += came
        self._decoded += len(data)
        if not data:
            self._check_end()
        whole = len(data) - len(data) % _FLOAT_BYTES
        return np.frombuffer(data[:whole], dtype="<f4").reshape(-1, 1)

    def close(self) -> None:
        """End the program and the thread that feeds it."""
        self._closing = True
        self._program.kill()
        self._program.wait(_END_S)
        self._feeder.join(_END_S)
        _pipe(self._program.stdout).close()

    def _check_end(self) -> None:
        # Its output has ended, so it is on its way out.
        if self._program.wait(_END_S) or not self._decoded:
            self.reason = _NOTHING_HEARD

    def _feed(self) -> None:
        position = 0
        most = _COPIED_LIVE_BYTES if self._source.flows else _COPIED_BYTES
        pipe = _pipe(self._program.stdin)
        try:
            while not self._closing and (piece := self._source.read_at(position, most)):
                position += len(piece)
                pipe.write(piece)
            self.ended = not self._closing
        except BrokenPipeError:
            # The program has ended; its exit status says why.
            pass
        except (RecordingError, OSError) as error:
            self.failure = error
        with suppress(BrokenPipeError):
            pipe.close()


def _arguments(demuxer: str) -> list[str]:
    hidden = ["-nostdin", "-hide_banner", "-loglevel", "quiet"]
    # Little is gathered to find out what the container holds. (`nobuffer` would throw it away.)
    prompt = ["-probesize", "4096", "-analyzeduration", "0"]
    confined = ["-protocol_whitelist", "pipe", "-threads", "1", "-f", demuxer, "-i", "pipe:0"]
    sound = ["-map", "0:a:0", "-ac", "1", "-ar", str(MODEL_RATE_HZ), "-f", "f32le"]
    return [*hidden, *prompt, *confined, *sound, "-flush_packets", "1", "pipe:1"]


def _bound(pid: int) -> None:
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - only where there is one that knows other processes

        resource.prlimit(pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.prlimit(pid, resource.RLIMIT_CPU, (_PROCESSOR_S, _PROCESSOR_S))


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("the program was started with pipes")
    return pipe
