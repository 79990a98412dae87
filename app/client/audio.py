"""Audio files as the PCM a gateway takes."""

from dataclasses import dataclass
from pathlib import Path

from ..contract.limits import BYTES_PER_SAMPLE, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from .errors import MissingFileError, UndecodableFileError, UnreadableFileError

WIDTH = BYTES_PER_SAMPLE["pcm16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmAudio:
    """Mono 16-bit signed little-endian samples.

    Attributes:
        data: The samples, two bytes each.
        sample_rate: Samples per second.
        warnings: What was odd about the file they come from, one sentence each.
    """

    data: bytes
    sample_rate: int
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE_HZ <= self.sample_rate <= MAX_SAMPLE_RATE_HZ:
            raise ValueError(
                f"sample_rate is {self.sample_rate}; "
                f"accepted: {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
            )
        if len(self.data) % WIDTH:
            raise ValueError(
                f"data has {len(self.data)} bytes; accepted: an even number, two to a sample"
            )

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.data) / (WIDTH * self.sample_rate)


def read_audio(path: Path | str) -> PcmAudio:
    """Read a recording of any kind that is decoded here, at its own sample rate.

    Channels are averaged. Recordings outside the contract's rates are converted to 16 kHz. This
    blocks: on an event loop, call it in a thread.

    Args:
        path: The file.

    Raises:
        AudioFileError: It cannot be decoded (then it is a ValueError, too: what it seems to be,
            what is accepted, what to do), or cannot be opened (then it is an OSError, and a
            FileNotFoundError where there is none).
        ImportError: The client was installed without `[files]`.
    """
    # Decoders are heavy, and whoever streams samples needs none of them.
    try:
        from ..recordings import RecordingError, read_recording  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ImportError(
            f"reading files needs {error.name}; install perch-client[files], or send samples",
            name=error.name,
        ) from error
    try:
        with Path(path).open("rb") as file:
            read = read_recording(file)
    except RecordingError as error:
        raise UndecodableFileError(error.about(str(path))) from None
    except FileNotFoundError as error:
        raise MissingFileError(str(path), error) from None
    except OSError as error:
        raise UnreadableFileError(str(path), error) from None
    return PcmAudio(data=read.data, sample_rate=read.sample_rate, warnings=read.warnings)
