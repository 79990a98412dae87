"""A program that failed leaves no loop open: run by the SDK's own server, without an engine."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pulumi
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    resource_pb2,
    resource_pb2_grpc,
)
from pulumi.runtime.settings import _get_rpc_manager

from ops.offline.pulumi_cli.ending import run_and_end


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """As much of an engine as a program without resources asks."""

    def GetDeploymentInfo(  # noqa: N802
        self, _request: Empty, _context: grpc.ServicerContext
    ) -> resource_pb2.DeploymentInfo:
        return resource_pb2.DeploymentInfo()

    def RegisterResource(  # noqa: N802
        self, _request: resource_pb2.RegisterResourceRequest, _context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        return resource_pb2.RegisterResourceResponse(urn="urn:pulumi:s::p::pulumi:pulumi:Stack::s")

    def RegisterResourceOutputs(  # noqa: N802
        self, _request: resource_pb2.RegisterResourceOutputsRequest, _context: grpc.ServicerContext
    ) -> Empty:
        return Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """Takes the lines of a program's log."""

    def Log(  # noqa: N802
        self, _request: engine_pb2.LogRequest, _context: grpc.ServicerContext
    ) -> Empty:
        return Empty()


@pytest.fixture(scope="module")
def monitor() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(2))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def tasks_that_fail_each_other(*, even_cancelled: bool = False) -> list[asyncio.Task[None]]:
    """Leave tasks of which each, cancelled, fails all the others, as outputs of resources do."""
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in range(3)]

    async def wait_for(future: asyncio.Future[None]) -> None:
        try:
            await future
        finally:
            for other in futures:
                if even_cancelled or not other.done():
                    other.set_exception(ConnectionError("the engine has gone"))

    return [loop.create_task(wait_for(future)) for future in futures]


def tasks_that_fail_what_is_cancelled() -> list[asyncio.Task[None]]:
    """Leave such tasks that also fail what is cancelled already, which raises in each."""
    return tasks_that_fail_each_other(even_cancelled=True)


def a_task_that_has_not_begun() -> list[asyncio.Task[None]]:
    """Leave one that was made in the last turn of the loop, whenever that is."""
    loop = asyncio.get_running_loop()
    whole = asyncio.current_task()
    made: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Be awaited."""

    def make() -> None:
        made.append(loop.create_task(begin()))
        if whole is not None and not whole.done():
            loop.call_soon(make)

    loop.call_soon(make)
    return made


def a_call_whose_failure_nobody_asks_for() -> list[asyncio.Task[None]]:
    """Leave a task, cancelled while a call's failure is found: the SDK stops the loop for that."""
    loop = asyncio.get_running_loop()

    async def wait() -> None:
        try:
            await loop.create_future()
        finally:
            failure = grpc.RpcError("the engine has gone")
            loop.call_exception_handler({"message": "never retrieved", "exception": failure})

    return [loop.create_task(wait())]


def run(monitor: str, program: Callable[[], None], *engine: str) -> str:
    """Run a program as the SDK's server does; returns what went wrong."""
    request = language_pb2.RunRequest(
        project="p", stack="s", monitor_address=monitor, parallel=1, dryRun=True, args=engine
    )
    with ThreadPoolExecutor(1) as thread:
        server = LanguageServer(lambda: run_and_end(program))
        answer = thread.submit(server.Run, request, None).result(timeout=30)
    return str(answer.error)


@pytest.mark.parametrize(
    "leave",
    [
        tasks_that_fail_each_other,
        tasks_that_fail_what_is_cancelled,
        a_task_that_has_not_begun,
        a_call_whose_failure_nobody_asks_for,
    ],
)
def test_a_program_that_fails_leaves_no_loop_open(
    monitor: str, leave: Callable[[], list[asyncio.Task[None]]]
) -> None:
    """Warnings are errors here: a loop that nobody closed is one when it is collected."""
    left: list[asyncio.Task[None]] = []

    def program() -> None:
        nonlocal left
        left = leave()
        raise pulumi.RunError("refused")

    assert run(monitor, program) == "refused"
    assert left[-1].cancelled()
    assert all(task.done() for task in left)
    left.clear()
    gc.collect(1)  # a full one visits all that the tests share


def test_a_call_that_fails_while_the_program_runs_leaves_no_loop_open_either(monitor: str) -> None:
    """The SDK stops the loop for it, with the program and its tasks in the middle of something."""
    left: list[asyncio.Task[None]] = []

    def program() -> None:
        nonlocal left
        left = tasks_that_fail_each_other()
        _get_rpc_manager().rpcs.extend(left)
        loop = asyncio.get_running_loop()
        failure = grpc.RpcError("the engine has gone")
        context = {"message": "never retrieved", "exception": failure}
        loop.call_later(0.05, loop.call_exception_handler, context)

    assert "Event loop stopped" in run(monitor, program)
    assert all(task.cancelled() for task in left)
    left.clear()
    gc.collect(1)  # a full one visits all that the tests share


@pytest.mark.parametrize("refused", ["refused", ""], ids=["with a fault", "without a fault"])
def test_an_engine_that_is_gone_before_the_last_line_of_the_log_leaves_no_loop_open(
    monitor: str, refused: str
) -> None:
    """The engine ends once it has all it waits for; the SDK logs on after that."""
    engine = grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), engine)
    port = engine.add_insecure_port("127.0.0.1:0")
    engine.start()

    def program() -> None:
        pulumi.log.info("the engine is there")
        engine.stop(0).wait()
        if refused:
            raise pulumi.RunError(refused)

    assert run(monitor, program, f"127.0.0.1:{port}") == refused
    gc.collect(1)  # a full one visits all that the tests share


def test_a_task_made_right_behind_the_programs_last_step_is_closed_without_another_turn() -> None:
    loop = asyncio.new_event_loop()
    made: list[asyncio.Task[None]] = []

    async def begin() -> None:
        """Be awaited."""

    async def whole() -> None:
        run_and_end(lambda: None)
        woken = loop.create_future()

        def wake() -> None:
            woken.set_result(None)
            loop.call_soon(lambda: made.append(loop.create_task(begin())))

        loop.call_soon(wake)
        await woken

    loop.run_until_complete(whole())
    assert [task.cancelled() for task in made] == [True]
    loop.close()
    made.clear()
    gc.collect(1)  # a full one visits all that the tests share
