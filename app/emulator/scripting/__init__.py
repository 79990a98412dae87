"""Scripts: what a test makes an emulator say, and how it makes it fail.

A `Script` comes as JSON or from Python; its `StreamScript`s are handed out to streams in order.
`ScriptedRecogniser` says the results of one, and `faults` makes its fault happen.
"""

from app.emulator.scripting.recogniser import ScriptedRecogniser
from app.emulator.scripting.script import (
    After,
    Fail,
    Kill,
    Script,
    ScriptBook,
    ScriptedResult,
    ScriptedWord,
    Stall,
    StreamScript,
)

__all__ = [
    "After",
    "Fail",
    "Kill",
    "Script",
    "ScriptBook",
    "ScriptedRecogniser",
    "ScriptedResult",
    "ScriptedWord",
    "Stall",
    "StreamScript",
]
