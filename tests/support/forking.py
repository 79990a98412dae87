"""Runs programs of the repository in forks of one process that has imported them already.

A command of its own takes a second or more of imports; a fork of a process that paid for them once
takes a few hundredths. What a fork cannot show is what Python does before the first line of a
program: the locale it finds, and options such as `-P`. Tests of those start Python itself.
"""

import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal, NoReturn, Self

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
NOBODY: Final = 65_534
"""User and group that own nothing; root may read whatever stands there."""
STARTS: Final = frozenset(
    {"os.exec", "os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "subprocess.Popen"}
)
"""Audit events of whoever starts something (PEP 578)."""
CHANGES: Final = frozenset({"os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.rmtree"})

Stream = Literal["kept", "closed", "gone", "full"]
"""What a standard stream is: kept for the test, closed before the start, a pipe nobody reads any
more, or a device that is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A program to run.

    Attributes:
        module: As for `python -m`.
        arguments: What follows; a byte that is no UTF-8 stands as Python has it, as a surrogate.
        environment: All of it.
        folder: Working folder; removed once it is `gone`, and without any right once it is `shut`.
        stdin: Text for it, None where it is closed.
        stdout: What it is.
        encoding: Of the standard streams, with what cannot be said in it an error.
        as_nobody: Whether to run as a user without rights, where this one may become that.
        seconds: After which it is ended by SIGKILL.
    """

    module: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str]
    folder: str
    stdin: str | None = ""
    stdout: Stream = "kept"
    encoding: str = "utf-8"
    as_nobody: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a program ended.

    Attributes:
        code: Exit status, negative for a signal.
        out: What it wrote to standard output.
        err: The same of standard error.
        deeds: What it started, bound, connected to, wrote or removed, in its own process.
    """

    code: int
    out: str
    err: str
    deeds: tuple[str, ...] = field(default=())


class Forks:
    """A process that runs programs in forks of itself, one after another.

    Args:
        preload: Modules to import before the first.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        code = f"from tests.support.forking import serve; serve({list(preload)!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )

    def run(self, order: Order) -> Done:
        """Run a program to its end; skip the test where its user could not even read it."""
        if order.as_nobody and os.getuid() == 0 and not _is_open():
            pytest.skip("the checkout is in a folder that other users may not enter")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that forks has ended"
        told = json.loads(answer)
        return Done(code=told["code"], out=told["out"], err=told["err"], deeds=tuple(told["deeds"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()


def _is_open() -> bool:
    """Return whether any user may come to this checkout; into root's home nobody else may."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (ROOT, *ROOT.parents))


def serve(preload: Sequence[str]) -> None:
    """Import, then run what standard input orders, a line each, and say how it ended."""
    for name in preload:
        importlib.import_module(name)
    # A collection in a fork would copy every page that it looks at.
    gc.collect()
    gc.freeze()
    gc.disable()
    # Nothing that a program prints may come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    orders = os.fdopen(os.dup(0))
    while line := orders.readline():
        answers.write(json.dumps(_one(json.loads(line))) + "\n")
        answers.flush()


def _one(order: dict[str, Any]) -> dict[str, Any]:
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        tempfile.TemporaryFile() as deeds,
    ):
        child = os.fork()
        if child == 0:
            _become(order, out.fileno(), err.fileno(), deeds.fileno())
        code = _wait(child, order["seconds"])
        said = {"out": _all_of(out), "err": _all_of(err), "deeds": _all_of(deeds).splitlines()}
    return {"code": code, **said}


def _wait(child: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    ended, status = 0, 0
    descriptor = os.pidfd_open(child)
    try:
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, 0)
    finally:
        os.close(descriptor)
    assert ended == child
    return os.waitstatus_to_exitcode(status)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "backslashreplace")


def _become(order: dict[str, Any], out: int, err: int, deeds: int) -> NoReturn:
    """Be the program, in a fork; leaves without any of the server's own clean-up."""
    code = 70
    try:
        code = _run(order, out, err, deeds)
    except BaseException:  # noqa: BLE001 - as the interpreter does for a program of its own
        os.write(err, traceback.format_exc().encode("utf-8", "backslashreplace"))
        code = 1
    finally:
        os._exit(code)


def _run(order: dict[str, Any], out: int, err: int, deeds: int) -> int:
    os.dup2(err, 2)
    _give(order["stdin"])
    _take(order["stdout"], out)
    sys.stdin, sys.stdout, sys.stderr = (
        _opened(0, "r", order["encoding"]),
        _opened(1, "w", order["encoding"]),
        _opened(2, "w", order["encoding"]),
    )
    os.chdir(order["folder"])
    if order["folder"].endswith("gone"):
        Path(order["folder"]).rmdir()
    if order["folder"].endswith("shut"):
        # Once inside: nobody but root could enter it now.
        Path(order["folder"]).chmod(0o000)
    if order["as_nobody"] and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = [order["module"], *order["arguments"]]
    # Not kept, and not shown: exec would have replaced this process.
    os.__dict__["execv"] = _instead_of_exec
    sys.addaudithook(lambda event, details: _note(event, details, deeds))
    warnings.simplefilter("ignore")
    code = _ended(order["module"])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                # What the interpreter says when it finds this at its end.
                os.write(err, b"Exception ignored while flushing\n")
                code = 120
    return code


def _ended(module: str) -> int:
    """Run a module as `python -m` does; return its exit status."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        sys.stderr.write(f"{left.code}\n")
        return 1
    return 0


def _instead_of_exec(_path: str, arguments: Sequence[str]) -> NoReturn:
    """Run `python -P -m MODULE ...` in this process."""
    python, *options, module = arguments[:4]
    assert (python, options) == (sys.executable, ["-P", "-m"]), arguments
    sys.argv = [module, *arguments[4:]]
    sys.exit(_ended(module))


def _give(text: str | None) -> None:
    if text is None:
        os.close(0)
        return
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    os.dup2(read, 0)
    os.close(read)


def _take(kind: Stream, out: int) -> None:
    match kind:
        case "kept":
            os.dup2(out, 1)
        case "closed":
            os.close(1)
        case "gone":
            read, write = os.pipe()
            os.close(read)
            os.dup2(write, 1)
            os.close(write)
        case "full":
            full = os.open("/dev/full", os.O_WRONLY)
            os.dup2(full, 1)
            os.close(full)


def _opened(descriptor: int, mode: str, encoding: str) -> Any:  # noqa: ANN401 - as sys.stdout is typed
    """Return a standard stream as the interpreter makes it: None where nothing is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return None
    errors = "backslashreplace" if descriptor == 2 else "strict"
    raw = os.fdopen(descriptor, f"{mode}b", closefd=False)
    return io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=descriptor == 2)


def _note(event: str, details: tuple[Any, ...], deeds: int) -> None:
    if event == "open" and isinstance(details[1], str):
        is_change = bool(set(details[1]) & set("wax+"))
    else:
        is_change = event in STARTS | CHANGES
    if is_change:
        shown = " ".join(repr(detail) for detail in details)[:200]
        os.write(deeds, f"{event} {shown}\n".encode("utf-8", "backslashreplace"))
