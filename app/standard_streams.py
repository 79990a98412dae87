"""Standard input, output and error, made fit to be used however the process was started."""

import io
import os
import sys
from typing import Final

_NAMES: Final = ("stdin", "stdout", "stderr")


def prepare() -> None:
    """Open what is closed, and let every character be written.

    A closed stream leaves its number free: the next file or socket would take it, and whatever is
    printed would go there. A text that the terminal's encoding lacks is written with escapes
    instead of ending the program. Called once, before anything is opened.
    """
    for descriptor, name in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free number is given out, and that is this one.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere(descriptor))
    for stream in (sys.stdout, sys.stderr):
        # A test's stand-in can be something else; it knows what it does.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere(descriptor: int) -> io.TextIOWrapper:
    mode = "rb" if descriptor == 0 else "wb"
    return io.TextIOWrapper(open(descriptor, mode, closefd=False), encoding="utf-8")
