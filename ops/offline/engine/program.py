"""Runs a Pulumi program in this process: no CLI, no service, no plugin."""

import asyncio
import contextvars
import gc
import runpy
import sys
import traceback
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
from pulumi.runtime.settings import Settings, configure, set_root_resource
from pulumi.runtime.stack import run_in_stack

from ops.offline.engine import sdk
from ops.offline.engine.monitor import RecordingEngine, RecordingMonitor, ResourceProvider
from ops.offline.engine.project import StackProject
from ops.offline.engine.recording import Recording
from ops.offline.errors import OfflineError

DEADLINE = 120.0
"""Seconds a program gets: an input that never resolves would wait for ever. Runs take 2 to 10 s."""

_ORGANIZATION = "offline"
_OFFLINE = Path(__file__).resolve().parents[1]


def run_program(
    project: StackProject,
    provider: ResourceProvider,
    *,
    preview: bool = False,
    deadline: float = DEADLINE,
    last_outputs: Mapping[str, Any] | None = None,
) -> Recording:
    """Run the program of a stack against a provider.

    The program runs in a thread with a context and an event loop of its own, so it may be called
    from anywhere, a running loop included. The working directory is left alone: a program finds
    its files by `__file__`. Modules that the program imports from its project are forgotten
    afterwards, so that each run starts as a new process would.

    Args:
        project: which program, with which configuration.
        provider: what registrations are answered with.
        preview: run as `pulumi preview` does: outputs of resources are unknown.
        deadline: seconds.
        last_outputs: what the stack exported before; nothing for one that does not exist yet.

    Raises:
        OfflineError: one short message: the resources that failed (type, name, why), or where the
            program raised.
    """
    recording = Recording(project=project.name, stack=project.stack, preview=preview)
    monitor = RecordingMonitor(recording, provider, project.root, last_outputs)
    with ThreadPoolExecutor(1, thread_name_prefix="pulumi-program") as thread:
        problem = thread.submit(
            contextvars.Context().run, _run, project, monitor, preview, deadline
        ).result()
    if problem is not None:
        raise OfflineError(f"{project.name} {project.stack}: {problem}")
    return recording


def _run(
    project: StackProject, monitor: RecordingMonitor, preview: bool, deadline: float
) -> str | None:
    """Run to the end. A failure is returned as text: its traceback would keep the run alive."""
    set_root_resource(None)  # type: ignore[arg-type]  # the SDK's own way to say: no stack yet
    pulumi.runtime.set_all_config(dict(project.config), sorted(project.secret_keys))
    configure(
        Settings(
            project=project.name,
            stack=project.stack,
            monitor=monitor,
            engine=RecordingEngine(monitor.recording),
            dry_run=preview,
            organization=_ORGANIZATION,
            root_directory=str(project.root),
        )
    )
    with (
        _without_collector(),
        asyncio.Runner() as runner,
        importable(project),
        sdk.quiet_deprecations(),
    ):
        loop = runner.get_loop()
        # A resource that failed leaves futures behind that nobody will ask; the failure itself is
        # reported below.
        loop.set_exception_handler(lambda _loop, _context: None)
        # One worker: registrations arrive one after the other, so a run is the same run every time.
        loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="pulumi-monitor"))
        program = run_in_stack(lambda: execute(project.program))
        try:
            runner.run(asyncio.wait_for(_as_coroutine(program), deadline))
        except TimeoutError:
            return f"not finished after {deadline:g} s; an input that never resolves?"
        except BaseException as error:  # noqa: BLE001 - programs raise anything
            return _describe(error, monitor, project)
    return None


async def _as_coroutine(program: Coroutine[Any, Any, object]) -> None:
    await program


def execute(program: Path) -> None:
    """Run a program's file or folder, as Pulumi's language host does."""
    runpy.run_path(str(program), run_name="__main__")


@contextmanager
def _without_collector() -> Iterator[None]:
    """Leave cyclic garbage lying for the few seconds of a run.

    A run makes a million objects that stay: collecting took half of its time (1.5 s of 3.0 s for
    the largest stack) and saved 11 MB of 180 MB.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def importable(project: StackProject) -> Iterator[None]:
    """Make the project's packages importable, ahead of any other checkout's; then forget them."""
    foreign = _set_aside_foreign(project)
    before = set(sys.modules)
    entries = [str(project.root)]
    sys.path[:0] = entries
    try:
        yield
    finally:
        for entry in entries:
            sys.path.remove(entry)
        for name in set(sys.modules) - before:
            if _lies_in(sys.modules[name], _code_folder(project)):
                del sys.modules[name]
        sys.modules.update(foreign)


def _code_folder(project: StackProject) -> Path:
    return project.program if project.program.is_dir() else project.program.parent


def _set_aside_foreign(project: StackProject) -> dict[str, ModuleType]:
    """Take out modules named like the program's package that come from another checkout."""
    package = _code_folder(project).name
    foreign = {
        name: module
        for name, module in sys.modules.items()
        if (name == package or name.startswith(f"{package}."))
        and not _lies_in(module, _code_folder(project))
    }
    for name in foreign:
        del sys.modules[name]
    return foreign


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def _describe(error: BaseException, monitor: RecordingMonitor, project: StackProject) -> str:
    if monitor.failures:
        lines = dict.fromkeys(
            f"{type_} {name}: {message}" if name else f"{type_}: {message}"
            for type_, name, message in monitor.failures
        )
        return "\n".join(lines)
    if isinstance(error, pulumi.RunError):
        return str(error)  # for a person, as Pulumi shows it
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(project.root)
        and ".venv" not in Path(frame.filename).parts
        and _OFFLINE not in Path(frame.filename).parents
    ]
    where = ""
    if frames:
        where = f"{Path(frames[-1].filename).relative_to(project.root)}:{frames[-1].lineno}: "
    return f"{where}{type(error).__name__}: {error}"
