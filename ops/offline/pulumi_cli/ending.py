"""How a program ends that the engine has given up: nothing of it is left running or open."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar, cast

import grpc
from pulumi.runtime.settings import get_engine

T = TypeVar("T")
Awaited: TypeAlias = Coroutine[Any, Any, T] | Generator[Any, None, T]


class _Work(Coroutine[Any, Any, T]):
    """Runs a coroutine, and takes every failure after a program's end for its cancellation.

    It is no coroutine around the other one: a task that is cancelled before its first step would
    never come to what that one awaits, and by then no turn of the loop may be left to close it in.

    Args:
        inner: What runs.
        has_ended: Says whether the program has.
    """

    def __init__(self, inner: Coroutine[Any, Any, T], has_ended: Callable[[], bool]) -> None:
        self._inner = inner
        self._has_ended = has_ended

    def send(self, value: Any, /) -> Any:  # noqa: ANN401 - as a coroutine's
        """Take a step."""
        return self._step(self._inner.send, value)

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:  # noqa: ANN401 - as above
        """Take a step that begins with an exception."""
        failure = typ if val is None and tb is None else (val or typ).with_traceback(tb)
        return self._step(self._inner.throw, failure)

    def close(self) -> None:
        """Take no step any more."""
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._inner.__await__()

    def _step(self, step: Callable[[Any], Any], given: object) -> object:
        try:
            return step(given)
        except StopIteration:
            raise  # how a coroutine returns
        except Exception:
            if self._has_ended():
                raise asyncio.CancelledError from None
            raise


class _Log:
    """Sends the engine a line of its log, and does without where the engine has gone.

    Args:
        send: The call of the SDK's stub.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send

    def __call__(self, request: object) -> None:
        """Send one line."""
        # UNAVAILABLE mostly, but which status a lost connection has depends on when it is lost.
        with suppress(grpc.RpcError):
            self._send(request)


def run_and_end(program: Callable[[], None]) -> None:
    """Run a program in the loop that the SDK has made for it, and see to that loop's end.

    After a program, the SDK's server cancels what still runs, one task after the other, waits for
    each, and then closes the loop. A task that ends there with anything but its cancellation ends
    the waiting, too, and the loop stays open. Tasks do so where the engine refused something: they
    fail each other, or find what they were to fail cancelled already; and a handler stops the loop
    for a failed call (Pulumi's Python SDK, `LanguageServer.Run` and `do_resolve`, as of 3.272). It
    offers no place for another loop or another end. So once the program is done everything is
    cancelled together, whatever a task fails with after that counts as its cancellation, and
    nothing stops the loop for it: what failed is told by the engine. Where a failed call stops the
    loop before that, in the middle of the program, that is its end.

    The server also logs a last line to the engine before it closes the loop, and what fails in that
    leaves the loop open. An engine that has all it waited for may be gone by then, even after a
    program without a fault: a line that finds no engine is dropped.

    Args:
        program: What runs to its end here; its resources are registered by tasks of the loop.
    """
    loop = asyncio.get_running_loop()
    whole = asyncio.current_task()
    if whole is None:
        raise RuntimeError("a program runs in a task of its own, and here is none")
    has_ended = False
    if (engine := get_engine()) is not None:
        # In the stub itself: the SDK's settings are of a context, and the end is in another one.
        engine.Log = _Log(engine.Log)

    def task_of(
        loop: asyncio.AbstractEventLoop,
        work: Awaited[T],
        **options: Any,  # noqa: ANN401 - asyncio's, which differ between versions of Python
    ) -> asyncio.Task[T]:
        # The type of a factory allows for generators, of which Python makes no tasks any more.
        made = cast("Coroutine[Any, Any, T]", work)
        return asyncio.Task(_Work(made, lambda: has_ended), loop=loop, **options)

    def end(_whole: asyncio.Task[object]) -> None:
        nonlocal has_ended
        has_ended = True
        loop.set_exception_handler(lambda _loop, _context: None)
        for task in asyncio.all_tasks(loop):
            task.cancel()

    def stop_or_tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), grpc.RpcError):
            end(whole)
            loop.stop()
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(stop_or_tell)
    loop.set_task_factory(task_of)
    whole.add_done_callback(end)
    program()
