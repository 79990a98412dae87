"""What scenarios play on: recognisers, gateways and proxies of one run, and their clean-up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from tests.support.faults.proxy import FaultProxy
from tests.support.processes import LOOPBACK, Gateway, Recogniser

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Self

    from tests.chaos.report import Row

MANY: Final = {
    "WS_MAX_CONNECTIONS": "200",
    "WS_MAX_CONCURRENT_SESSIONS": "100",
    "WS_CLIENT_SHARE": "1",  # all clients of a scenario have one address
}
PATIENT: Final = {
    # Two cores recognise fifty sessions' speech far slower than it is sent here.
    "RIVA_TIMEOUT_MS": "30000",
    "RIVA_FINAL_TIMEOUT_MS": "120000",
    "WS_FINAL_TIMEOUT_S": "120",
    "WS_STALL_TIMEOUT_S": "120",
}


class Pool:
    """Recognisers that outlive a scenario: loading one takes longer than most scenarios do.

    Args:
        folder: Where they work.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recognisers: list[Recogniser] = []

    async def take(self, count: int) -> list[Recogniser]:
        """So many that hear and follow no script."""
        while len(self._recognisers) < count:
            name = f"recogniser-{len(self._recognisers) + 1}"
            self._recognisers.append(Recogniser(name, self._folder))
        chosen = self._recognisers[:count]
        await asyncio.gather(*(recogniser.start() for recogniser in chosen))
        await asyncio.gather(*(recogniser.set_script({}) for recogniser in chosen))
        return chosen

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*(recogniser.kill() for recogniser in self._recognisers))


class Deployment:
    """One scenario's programs; leaving it ends all but the pool's.

    Args:
        folder: Where they work.
        pool: Of recognisers.
    """

    def __init__(self, folder: Path, pool: Pool) -> None:
        self.folder = folder
        self._pool = pool
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def recognisers(self, count: int = 1) -> list[Recogniser]:
        """So many recognisers that hear."""
        return await self._pool.take(count)

    async def own_recogniser(
        self,
        name: str,
        *options: str,
        host: str = LOOPBACK,
        twin: Recogniser | None = None,
    ) -> Recogniser:
        """One that is not shared with other scenarios, not started; see `Recogniser`."""
        one = Recogniser(name, self.folder, host=host, options=options, twin=twin)
        return await self._stack.enter_async_context(one)

    async def gateway(
        self,
        endpoints: str,
        settings: Mapping[str, str] | None = None,
        *,
        name: str = "gateway",
        module: str = "app.gateway",
        prefix: tuple[str, ...] = (),
        stdout: Path | None = None,
    ) -> Gateway:
        """One that takes sessions.

        Args:
            endpoints: As RIVA_ENDPOINTS.
            settings: More of its environment.
            name: For messages.
            module: What is run.
            prefix: A command in front of the interpreter.
            stdout: Where its output goes instead of into a file.
        """
        values = {"RIVA_ENDPOINTS": endpoints, **MANY, **PATIENT, **(settings or {})}
        one = Gateway(name, self.folder, values, module=module, prefix=prefix)
        await self._stack.enter_async_context(one)
        await one.start(stdout=stdout)
        return one

    async def proxy(self, port: int, host: str = LOOPBACK) -> FaultProxy:
        """A fault proxy in front of a port."""
        return await self._stack.enter_async_context(FaultProxy(host, port))


def endpoints(*recognisers: Recogniser) -> str:
    """As RIVA_ENDPOINTS."""
    return ",".join(recogniser.endpoint for recogniser in recognisers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One line of the table, and how it comes about.

    Attributes:
        name: For `--only`.
        title: What breaks.
        play: Lets it happen.
    """

    name: str
    title: str
    play: Callable[[Deployment, str], Awaitable[Row]]


SCENARIOS: Final[dict[str, Scenario]] = {}


Play = TypeVar("Play", bound=Callable[..., Awaitable["Row"]])


def scenario(name: str, title: str) -> Callable[[Play], Play]:
    """Register a scenario; its function gets the deployment and the title."""

    def register(play: Play) -> Play:
        if name in SCENARIOS:
            raise ValueError(f"name is {name!r}; accepted: one that no scenario has yet")
        SCENARIOS[name] = Scenario(name=name, title=title, play=play)
        return play

    return register
