"""An emulator from start to stop, in this process's event loop."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import grpc
import uvicorn

from app.emulator.http import create_app
from app.emulator.journal import StreamRecord
from app.emulator.metrics import Metrics
from app.emulator.recognition import Recogniser
from app.emulator.runtime import Runtime
from app.emulator.scripting import Script, ScriptedRecogniser
from app.emulator.service import AsrService, HealthService
from app.emulator.settings import EmulatorSettings

_STOP_GRACE = 1.0  # s that open streams get when the emulator stops


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers, which belong to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and signal that."""
        await super().startup(sockets=sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield


class Emulator:
    """A running emulator.

    Args:
        runtime: The emulator's shared parts.
        loading: Loads the recogniser.
        grpc_port: Port that the Riva services listen on.
        http_port: Port of health, models and metrics.
    """

    def __init__(
        self, runtime: Runtime, loading: asyncio.Task[None], grpc_port: int, http_port: int
    ) -> None:
        self._runtime = runtime
        self._loading = loading
        self.grpc_port = grpc_port
        self.http_port = http_port

    @property
    def host(self) -> str:
        """The address both ports are bound to."""
        return self._runtime.settings.host

    @property
    def grpc_target(self) -> str:
        """`host:port` as gRPC clients want it."""
        return f"{self.host}:{self.grpc_port}"

    @property
    def http_url(self) -> str:
        """Base URL of the HTTP side."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def ready(self) -> bool:
        """Whether models are served."""
        return self._runtime.readiness.is_ready

    @property
    def streams(self) -> tuple[StreamRecord, ...]:
        """The latest streams as the server saw them, oldest first."""
        return tuple(self._runtime.journal.streams)

    def set_script(self, script: Script) -> None:
        """Use a new script from the next stream on.

        Raises:
            ValueError: It kills the process, which an embedded emulator must not.
        """
        self._runtime.set_script(script)

    async def wait_ready(self) -> None:
        """Wait until models are served.

        Raises:
            ModelError: Loading failed.
        """
        await asyncio.shield(self._loading)
        await self._runtime.readiness.wait()

    async def wait_for(
        self, condition: Callable[[tuple[StreamRecord, ...]], bool], deadline: float = 10.0
    ) -> None:
        """Wait until the records of the streams fulfil a condition.

        Args:
            condition: Looks at the records.
            deadline: Seconds to wait at most.

        Raises:
            TimeoutError: They did not in time.
        """
        async with asyncio.timeout(deadline):
            while not condition(self.streams):
                await self._runtime.journal.wait()

    async def wait_for_stream(
        self,
        condition: Callable[[StreamRecord], bool],
        *,
        sequence: int = 1,
        deadline: float = 10.0,
    ) -> None:
        """Wait until one stream was opened and its record fulfils a condition.

        Args:
            condition: Looks at the record.
            sequence: Number of the stream, from 1 in the order of opening.
            deadline: Seconds to wait at most.

        Raises:
            TimeoutError: It did not in time.
        """
        await self.wait_for(
            lambda streams: any(
                record.sequence == sequence and condition(record) for record in streams
            ),
            deadline,
        )


def _credentials(settings: EmulatorSettings) -> grpc.ServerCredentials | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    pair = (settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())
    authority = settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None
    return grpc.ssl_server_credentials(
        [pair], root_certificates=authority, require_client_auth=authority is not None
    )


def _grpc_server(runtime: Runtime) -> tuple[grpc.aio.Server, int]:
    settings = runtime.settings
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            # Two emulators on one port would each get some of the calls; the second must fail.
            ("grpc.so_reuseport", 0),
        ]
    )
    server.add_generic_rpc_handlers(
        (AsrService(runtime).handlers(), HealthService(runtime).handlers())
    )
    address = f"{settings.host}:{settings.grpc_port}"
    credentials = _credentials(settings)
    port = (
        server.add_insecure_port(address)
        if credentials is None
        else server.add_secure_port(address, credentials)
    )
    return server, port


@asynccontextmanager
async def _http_server(runtime: Runtime) -> AsyncGenerator[int]:
    settings = runtime.settings
    with socket.create_server((settings.host, settings.http_port)) as listener:
        config = uvicorn.Config(
            create_app(runtime), lifespan="off", log_config=None, access_log=False
        )
        server = _HttpServer(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        up = asyncio.create_task(server.up.wait())
        try:
            await asyncio.wait({task, up}, return_when=asyncio.FIRST_COMPLETED)
            yield listener.getsockname()[1]
        finally:
            up.cancel()
            server.should_exit = True
            await task


def _recogniser(settings: EmulatorSettings, metrics: Metrics) -> Recogniser:
    if settings.engine == "none":
        return ScriptedRecogniser()
    # Imported only here: an emulator that only follows a script needs no engine installed.
    from app.emulator.engine.recogniser import WhisperRecogniser  # noqa: PLC0415 - see above

    return WhisperRecogniser(settings, metrics)


@asynccontextmanager
async def serve(
    settings: EmulatorSettings | None = None,
    *,
    recogniser: Recogniser | None = None,
    script: Script | None = None,
    on_kill: Callable[[], None] | None = None,
    load_first: bool = True,
) -> AsyncGenerator[Emulator]:
    """Run an emulator in the current event loop; leaving the context stops it.

    Args:
        settings: What the emulator is; by default free ports on loopback.
        recogniser: What hears; by default what `settings.engine` names.
        script: The plan it starts with.
        on_kill: How a script may end the process; None refuses such scripts.
        load_first: Whether to wait until the recogniser is loaded. Otherwise the emulator is
            entered at once, answers "not ready" and loads meanwhile.

    Raises:
        OSError, RuntimeError: A port cannot be bound.
        ModelError: The engine's model is missing or not the expected one.
    """
    settings = settings or EmulatorSettings()
    metrics = Metrics()
    hearing = recogniser or _recogniser(settings, metrics)
    runtime = Runtime(settings, hearing, script or Script(), metrics, on_kill)
    server, grpc_port = _grpc_server(runtime)
    async with _http_server(runtime) as http_port:
        await server.start()
        loading = asyncio.create_task(runtime.load())
        try:
            if load_first:
                await loading
            yield Emulator(runtime, loading, grpc_port, http_port)
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            await server.stop(_STOP_GRACE)
            await runtime.aclose()
