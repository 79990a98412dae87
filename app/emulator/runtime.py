"""What all calls of one emulator share."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from app.emulator.journal import Journal
from app.emulator.metrics import Metrics
from app.emulator.readiness import Readiness
from app.emulator.recognition import Recogniser
from app.emulator.refusals import all_slots_taken, still_loading
from app.emulator.scripting import Script, ScriptBook
from app.emulator.settings import EmulatorSettings


class Runtime:
    """Settings, recogniser, slots, readiness and scripts of one emulator.

    Args:
        settings: What the emulator is.
        recogniser: What hears; not loaded yet.
        script: The plan it starts with.
        metrics: What is counted.
        on_kill: Ends the process without clean-up, for scripts that ask for it; None where the
            process is not the emulator's own.
    """

    def __init__(
        self,
        settings: EmulatorSettings,
        recogniser: Recogniser,
        script: Script,
        metrics: Metrics,
        on_kill: Callable[[], None] | None,
    ) -> None:
        self.settings = settings
        self.recogniser = recogniser
        self.book = ScriptBook()
        self.journal = Journal()
        self.metrics = metrics
        self._on_kill = on_kill
        self._slots = asyncio.Semaphore(settings.max_streams)
        self.readiness = Readiness()
        self.set_script(script)

    async def load(self) -> None:
        """Load the recogniser; ready once that is done and `loading_seconds` are over."""
        if self.settings.loading_seconds:
            self.readiness.hold(self.settings.loading_seconds)
        await self.recogniser.load()
        self.readiness.loaded()

    async def aclose(self) -> None:
        """Release what the parts hold."""
        self.readiness.close()
        await self.recogniser.aclose()

    def set_script(self, script: Script) -> None:
        """Use a new script from the next stream on.

        Raises:
            ValueError: It kills the process, and the process is not the emulator's own.
        """
        if script.kills_process and self._on_kill is None:
            raise ValueError(
                "kill: what=process is refused by an embedded emulator; use what=connection, "
                "or run the emulator as a process of its own"
            )
        self.book.replace(script)
        if script.loading_seconds:
            self.readiness.hold(script.loading_seconds)

    def kill_process(self) -> None:
        """Kill the process as a crash would."""
        if self._on_kill is not None:
            self._on_kill()

    def require_ready(self) -> None:
        """Refuse the call unless models are served.

        Raises:
            RefusalError: Still loading.
        """
        if not self.readiness.is_ready:
            raise still_loading()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Hold a slot among the streams served at once.

        Raises:
            RefusalError: No place is free and the settings say to refuse.
        """
        if self.settings.when_full == "refuse" and self._slots.locked():
            raise all_slots_taken(self.settings.max_streams)
        async with self._slots:
            with self.metrics.streams.track_inprogress():
                yield
