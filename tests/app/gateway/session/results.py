"""Scripts of a recogniser that says one word."""

from app.emulator import (
    After,
    Script,
    ScriptedResult,
    ScriptedWord,
    Stall,
    StreamScript,
)


def final(word: str, start: float, end: float, at: float) -> ScriptedResult:
    words = (ScriptedWord(word=word, start=start, end=end),)
    return ScriptedResult(at=at, text=word, is_final=True, words=words)


ONE = final("one", 0.1, 0.4, 0.5)
DEAF = Script(
    streams=(StreamScript(results=(ONE,), fault=Stall(do="stall", after=After(results=1))),)
)
"""Says one word, then nothing any more, whatever comes."""
