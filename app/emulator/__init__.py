"""A Riva-compatible server that recognises real speech on a CPU.

`python -m app.emulator` runs it; `serve` embeds it in a test::

    script = Script(streams=(StreamScript(results=(ScriptedResult(text="hello", is_final=True),)),))
    async with serve(EmulatorSettings(engine="none"), script=script) as emulator:
        ...  # emulator.grpc_target, emulator.http_url
"""

from app.emulator.scripting import (
    After,
    Fail,
    Kill,
    Script,
    ScriptedRecogniser,
    ScriptedResult,
    ScriptedWord,
    Stall,
    StreamScript,
)
from app.emulator.server import Emulator, serve
from app.emulator.settings import EmulatorSettings

__all__ = [
    "After",
    "Emulator",
    "EmulatorSettings",
    "Fail",
    "Kill",
    "Script",
    "ScriptedRecogniser",
    "ScriptedResult",
    "ScriptedWord",
    "Stall",
    "StreamScript",
    "serve",
]
