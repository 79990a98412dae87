"""Why a recording cannot be used."""

from enum import StrEnum


class RecordingProblem(StrEnum):
    """What is wrong with a recording."""

    UNREADABLE = "unreadable"
    """It cannot be opened, or is of a known format and broken before its first sample."""

    UNSUPPORTED = "unsupported"
    """It is of a format, or has a shape, that is not decoded here."""

    TOO_LARGE = "too_large"
    """It has more bytes than are taken."""

    TOO_LONG = "too_long"
    """It has more seconds of sound than are taken."""


class RecordingError(Exception):
    """A recording cannot be used; sending it again will not help.

    Args:
        problem: What is wrong, for programs.
        sentence: The same for people, without a subject: what it is, what is accepted, and what to
            do. It never names a path of this machine.
    """

    def __init__(self, problem: RecordingProblem, sentence: str) -> None:
        super().__init__(f"The recording {sentence}")
        self.problem = problem
        self._sentence = sentence

    def about(self, name: str) -> str:
        """Return the sentence with a name of the recording in it."""
        return f"{name} {self._sentence}"


def undecodable(reason: str) -> RecordingError:
    """Return the error for a recording of a known kind that is broken."""
    return RecordingError(
        RecordingProblem.UNREADABLE, f"cannot be decoded: {reason}; record or convert it again"
    )
