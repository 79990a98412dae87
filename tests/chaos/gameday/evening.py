"""The stack of a game day: `perch up` as a person starts it, and the commands that people type."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx

from ops import aws_clients
from ops.in_service import other
from ops.rollout import place, sessions
from ops.rollout.journal import JournalStore
from ops.rollout.weights import Weights
from ops.stack import read
from tests.support.port_rows import free_row
from tests.support.processes import Place
from tests.support.up_process import begin, wait_for

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from app.emulator.scripting import Script
    from ops.local.state import StateFolder
    from ops.rollout.journal import Journal
    from ops.stack import Colour, StackOutputs

STACK: Final = "local"
UP_S: Final = 300.0
DOWN_S: Final = 60.0
COMMAND_S: Final = 600.0
POLL_S: Final = 0.2
DEATHS: Final = 5
"""The supervisor starts a child again so often in a row; after one more it stays down."""


class EveningError(Exception):
    """The stack or a command did not do what the evening needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended.

    Attributes:
        exit_code: Negative for a signal.
        said: Its standard output.
        told: Its standard error.
    """

    exit_code: int
    said: str
    told: str

    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """What it printed with --json.

        Raises:
            EveningError: That is no JSON.
        """
        try:
            return json.loads(self.said)
        except ValueError:
            raise EveningError(f"exit {self.exit_code}: {self.said}{self.told}") from None


class Evening:
    """A stack that is up.

    Args:
        folder: Its state folder.
        outputs: What it exports.
    """

    def __init__(self, folder: StateFolder, outputs: StackOutputs) -> None:
        self._folder = folder
        self._outputs = outputs
        self._parts = place.of_outputs(outputs)
        tls = ssl.create_default_context(cafile=outputs.ca_certificate_path)
        url = outputs.websocket_url.removesuffix("/ws")
        self.entrance = Place(url=url, tls=tls)

    async def serving(self) -> Colour:
        """The colour that gets new sessions, or more of them."""
        weights = await asyncio.to_thread(Weights(self._parts, self._client("elbv2")).read)
        return max(weights, key=lambda colour: weights[colour])

    async def idle(self) -> Colour:
        """The colour that a release would be of."""
        return other(await self.serving())

    async def start(self, name: str, *arguments: str) -> Process:
        """Start a command of perch for this stack, as a person does."""
        return await _start(name, "--state-dir", str(self._folder.path), *arguments)

    async def run(self, name: str, *arguments: str) -> Done:
        """Run one to its end."""
        return await ended(await self.start(name, *arguments))

    async def journal(self) -> Journal | None:
        """What the latest release has written down."""
        store = JournalStore(
            self._parts.environment, self._parts.artefact_bucket, self._client("s3")
        )
        return await asyncio.to_thread(store.load)

    async def until_step(self, began: Journal | None, weight: int, command: Process) -> None:
        """Wait until a newer release than that one watches a step of at least this weight.

        Raises:
            EveningError: The command ended before.
        """
        while True:
            found = await self.journal()
            if found is not None and (began is None or found.started_at != began.started_at):
                state = found.state
                if state.phase == "baking" and state.weight >= weight:
                    return
            if command.returncode is not None:
                done = await ended(command)
                raise EveningError(f"the release ended too early: {done.said}{done.told}")
            await asyncio.sleep(POLL_S)

    async def script(self, colour: Colour, script: Script) -> None:
        """Let a colour's recogniser follow a script from its next stream on."""
        port = dict(self._outputs.colours.items())[colour].riva_http_port
        async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
            answer = await client.post(
                f"http://127.0.0.1:{port}/admin/script",
                content=script.model_dump_json(),
                headers={"content-type": "application/json"},
            )
            answer.raise_for_status()

    def kill(self, child: str) -> bool:
        """Kill a process of the stack with SIGKILL; whether there was one."""
        state = self._folder.read()
        pids = [one.pid for one in state.children if one.name == child] if state else []
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    async def killing(self, child: str, times: int = DEATHS, every_s: float = 5.0) -> None:
        """Kill a process again and again as it is started again, as often as it may come back."""
        while times:
            times -= self.kill(child)
            await asyncio.sleep(every_s)

    async def healthy(self, colour: Colour) -> None:
        """Wait until the load balancer, which looks for itself, has a colour's gateway ready."""
        async with httpx.AsyncClient(
            trust_env=False,
            timeout=5.0,
            verify=self.entrance.tls or True,
            headers={self._outputs.direct_header: colour},
        ) as client:
            while True:
                with suppress(httpx.HTTPError):
                    answer = await client.get(f"{self._outputs.endpoint_url}/readyz")
                    if answer.is_success:
                        return
                await asyncio.sleep(POLL_S)

    async def sessions(self, colour: Colour) -> int | None:
        """How many sessions a colour's gateway has; None where it does not answer."""
        count = partial(sessions.on_this_machine, self._parts, colour, self._folder.gateway_tls)
        return await asyncio.to_thread(count)

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
        found, _ = aws_clients.connect(service, STACK, self._outputs.region, self._folder.path)
        return found


async def _start(name: str, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "ops.cli", name, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(command: Process) -> Done:
    """Wait for a command's end; one that takes too long is killed.

    Raises:
        EveningError: It took too long.
    """
    try:
        async with asyncio.timeout(COMMAND_S):
            said, told = await command.communicate()
    except TimeoutError:
        command.kill()
        await command.wait()
        raise EveningError(f"a command was not done after {COMMAND_S:.0f} s") from None
    code = command.returncode
    return Done(
        exit_code=-1 if code is None else code,
        said=said.decode(errors="replace"),
        told=told.decode(errors="replace"),
    )


@asynccontextmanager
async def stack(folder: Path) -> AsyncIterator[Evening]:
    """Bring a stack up whose recognisers take scripts of faults, and take it down again.

    Raises:
        AssertionError: It does not come up; says what it said.
    """
    up = await asyncio.to_thread(begin, folder, "--faults", "--ports-from", str(free_row()))
    try:
        await asyncio.to_thread(wait_for, up, "Ctrl-C here", UP_S)
        yield Evening(up.folder, await asyncio.to_thread(read, STACK, chosen=up.folder.path))
    finally:
        await asyncio.to_thread(up.perch, "down")
        await asyncio.to_thread(up.process.wait, DOWN_S)
