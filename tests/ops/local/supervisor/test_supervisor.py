"""The owner of a stack's processes, with real small processes.

Does not prove that every operating system ends orphans: that is asked of Linux alone.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from ops.console.errors import CommandFailedError
from ops.local.supervisor.records import alive
from ops.local.supervisor.supervisor import (
    ChildDiedError,
    ChildSpec,
    Supervisor,
    exit_description,
    start,
    stop,
)

SLEEPS = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('here', flush=True)
time.sleep(600)
"""
DIES = "import sys; print('one'); print('two'); sys.exit('the model is gone')"

MakeSpec = Callable[..., ChildSpec]


@pytest.fixture
def spec(tmp_path: Path) -> MakeSpec:
    def make(name: str, code: str, **options: Any) -> ChildSpec:  # noqa: ANN401 - fields of a ChildSpec
        log = tmp_path / f"{name}.log"

        async def says_here() -> str | None:
            return None if "here" in log.read_text() else "has said nothing"

        usual = ChildSpec(
            name=name,
            tier=1,
            arguments=[sys.executable, "-c", code],
            environment={"PYTHONUNBUFFERED": "1"},
            folder=tmp_path,
            log=log,
            address="127.0.0.1:1",
            probe=says_here,
        )
        return replace(usual, **options)

    return make


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    owner = Supervisor(on_change=lambda _: None, say=lambda _: None)
    yield owner
    owner.kill_all()
    for child in owner.children.values():
        await child.process.wait()


def ignore(_: Mapping[str, str]) -> None:
    return


async def test_a_child_that_dies_while_starting_is_named_with_its_last_lines(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    await supervisor.start(spec("emulator-blue", DIES))
    with pytest.raises(ChildDiedError) as died:
        await supervisor.until_ready(["emulator-blue"], seconds=60, progress=ignore)
    first, *lines = died.value.message.splitlines()
    assert first.startswith("emulator-blue ended with exit code 1; its last lines (log: ")
    assert lines == ["    one", "    two", "    the model is gone"]


async def test_a_child_that_is_never_ready_is_named_with_what_it_lacks(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    async def never() -> str | None:
        return "the model is loading"

    seen: list[dict[str, str]] = []
    await supervisor.start(spec("blue", SLEEPS))
    await supervisor.start(spec("green", SLEEPS, probe=never))
    with pytest.raises(CommandFailedError, match=r"not ready after 3 s: green: the model is load"):
        await supervisor.until_ready(
            ["blue", "green"], seconds=3, progress=lambda lacks: seen.append(dict(lacks))
        )
    assert seen[0] == {"blue": "starting", "green": "starting"}
    assert seen[-1] == {"green": "the model is loading"}


async def test_a_question_without_an_answer_is_what_a_child_lacks(
    supervisor: Supervisor, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> str | None:
        await asyncio.sleep(60)
        return None

    monkeypatch.setattr("ops.local.supervisor.supervisor.PROBE_SECONDS", 0.05)
    seen: list[dict[str, str]] = []
    await supervisor.start(spec("blue", SLEEPS, probe=silent))
    with pytest.raises(CommandFailedError, match=r"not ready after 2 s: blue: no answer in 0 s"):
        await supervisor.until_ready(
            ["blue"], seconds=2, progress=lambda lacks: seen.append(dict(lacks))
        )
    assert seen[-1] == {"blue": "no answer in 0 s"}


async def test_work_that_is_not_done_in_time_is_named_with_its_last_lines(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    with pytest.raises(CommandFailedError, match=r"^apply was not done after 2 s") as late:
        await supervisor.run(spec("apply", SLEEPS), seconds=2)
    assert late.value.message.endswith(":\n    here")


async def test_an_answer_by_another_program_on_the_same_port_does_not_make_a_child_ready(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    async def another_answers() -> str | None:
        return None

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        await supervisor.start(spec("aws", SLEEPS, probe=another_answers, port=port))
        with pytest.raises(CommandFailedError, match=f"aws: does not listen on port {port}"):
            await supervisor.until_ready(["aws"], seconds=1, progress=ignore)


async def test_a_child_that_ignores_sigterm_is_killed_and_reported(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    await supervisor.start(spec("polite", SLEEPS))
    await supervisor.start(spec("stubborn", STUBBORN, stop_seconds=0.3))
    await supervisor.until_ready(["polite", "stubborn"], seconds=60, progress=ignore)
    records = supervisor.records()
    assert await supervisor.stop_all() == ["stubborn"]
    assert not any(alive(record) for record in records)
    assert supervisor.records() == ()


async def test_children_are_stopped_tier_by_tier_from_the_top(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    left: list[list[str]] = []
    for name, tier in (("moto", 0), ("emulator", 1), ("gateway", 3), ("listener", 2)):
        await supervisor.start(spec(name, SLEEPS, tier=tier))
    supervisor.on_change = lambda records: left.append([record.name for record in records])
    await supervisor.stop_all()
    assert left == [["moto", "emulator", "listener"], ["moto", "emulator"], ["moto"], []]


async def test_what_a_child_started_ends_with_it(spec: MakeSpec, tmp_path: Path) -> None:
    code = f"""
import subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", {SLEEPS!r}])
open({str(tmp_path / "pid")!r}, "w").write(str(grandchild.pid))
print("here", flush=True)
time.sleep(600)
"""
    child = await start(spec("parent", code))
    async with asyncio.timeout(60):
        while await child.spec.probe() is not None:  # noqa: ASYNC110 - another process, no event
            await asyncio.sleep(0.05)
    grandchild = psutil.Process(int((tmp_path / "pid").read_text()))
    await stop(child, seconds=5)
    grandchild.wait(timeout=30)
    assert not grandchild.is_running()


async def test_a_child_that_ends_later_is_named_and_started_again(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    supervisor.say = said.put_nowait
    supervisor.backoff = (0.01, 0.01)
    await supervisor.start(spec("gateway-blue", SLEEPS))
    first = supervisor.children["gateway-blue"].running
    watching = asyncio.create_task(supervisor.watch())
    os.kill(first.pid, signal.SIGKILL)
    async with asyncio.timeout(30):
        assert (await said.get()).startswith("gateway-blue was ended by SIGKILL")
        assert await said.get() == "gateway-blue was started again"
    second = supervisor.children["gateway-blue"].running
    assert alive(second)
    assert not alive(first)
    watching.cancel()
    await asyncio.wait((watching,))


async def test_a_child_that_ends_again_and_again_stays_down_and_the_others_live(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    supervisor.say = said.put_nowait
    supervisor.backoff = (0.01, 0.01)
    await supervisor.start(spec("gateway-blue", "print('no')"))
    await supervisor.start(spec("gateway-green", SLEEPS))
    watching = asyncio.create_task(supervisor.watch())
    lines: list[str] = []
    async with asyncio.timeout(30):
        while not lines or "stays down" not in lines[-1]:
            lines.append(await said.get())
    assert lines[-1] == "gateway-blue ended 3 times in a row and stays down"
    assert [record.name for record in supervisor.records()] == ["gateway-green"]
    watching.cancel()
    await asyncio.wait((watching,))


async def test_a_child_that_cannot_be_replaced_ends_the_watch(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    await supervisor.start(spec("aws", DIES, restart=False))
    with pytest.raises(ExceptionGroup) as ended:
        await supervisor.watch()
    assert ended.group_contains(ChildDiedError, match="aws ended with exit code 1")


async def test_a_program_that_is_not_there_is_said_so(
    supervisor: Supervisor, spec: MakeSpec
) -> None:
    await supervisor.start(spec("ghost", "", arguments=["/nonexistent/program"]))
    with pytest.raises(ChildDiedError, match="No such file or directory"):
        await supervisor.until_ready(["ghost"], seconds=60, progress=ignore)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
def test_killing_the_owner_the_hard_way_leaves_nothing_behind(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import asyncio, os, sys
        from pathlib import Path
        from ops.local.supervisor.supervisor import ChildSpec, start

        async def main():
            async def ready(): return None
            children = [
                await start(ChildSpec(
                    name=str(n), tier=1, arguments=[sys.executable, "-c", {SLEEPS!r}],
                    environment={{}}, folder=Path({str(tmp_path)!r}),
                    log=Path({str(tmp_path)!r}) / f"{{n}}.log", address="", probe=ready))
                for n in range(3)
            ]
            for child in children:
                while "here" not in child.spec.log.read_text():
                    await asyncio.sleep(0.02)
            print(*(child.process.pid for child in children), flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
    """)
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    children = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
    assert len(children) == 3
    owner.kill()
    owner.wait()
    owner.stdout.close()
    gone, left = psutil.wait_procs(children, timeout=30)
    for child in left:
        child.kill()
    assert (len(gone), left) == (3, [])


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with exit code 0"), (-9, "was ended by SIGKILL"), (-99, "was ended by signal 99")],
)
def test_an_exit_code_is_said_in_words(code: int, words: str) -> None:
    assert exit_description(code) == words
