"""A machine in a folder: rendered scripts, their environment, stand-ins for what they call."""

import ast
import http.server
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from infra.authority import first_identity
from infra.boot import MachineSettings
from infra.boot.environment import boot_environment
from infra.boot.files import LIBRARY, host_files
from infra.boot.gateway import TLS_FILE
from infra.boot.programs import host_programs, program_key
from tests.infra.boot.standins.starting import machine_path, tied
from tests.support.tools import run_by

INSTANCE = "i-0123456789abcdef0"
DISKS = ("lsblk", "blkid", "wipefs", "mkfs.ext4", "resize2fs", "udevadm")
"""What looks at disks: those of the machine that runs the tests are none of theirs."""
STANDINS = ("docker", "aws", "nvidia-smi", "systemctl", "journalctl", "chown", *DISKS)
MOUNTS = ("mount", "umount", "mountpoint")
LIMIT_SECONDS = 30.0


@cache
def gateway_identity() -> str:
    """What a machine's gateway shows, and what its scripts believe."""
    return first_identity("dev")


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(gateway_identity())
        file.flush()
        context.load_cert_chain(file.name)
    return context


@contextmanager
def _served(server: http.server.ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _TlsServer(http.server.ThreadingHTTPServer):
    """Shakes hands in the thread of each connection."""

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - of socketserver
        with _tls().wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        """Stay quiet of who speaks no TLS."""


@dataclass
class Metadata:
    """An instance metadata service that, like version 2, wants a token for everything.

    It plays the gateway's readiness, by TLS at a port of its own, and the recogniser's, too.
    """

    values: dict[str, str] = field(default_factory=lambda: {"instance-id": INSTANCE})
    ready: bool = False
    switched_off: bool = False
    recogniser_ready: bool = False
    asked: list[str] = field(default_factory=list)
    url: str = ""
    gateway_port: int = 0

    @contextmanager
    def serving(self) -> Iterator[None]:
        metadata = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                wanted = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
                self._answer("the-session-token" if wanted else None, HTTPStatus.BAD_REQUEST)

            def do_GET(self) -> None:
                asked = {
                    "/readyz": metadata.ready,
                    "/readyz?ignore=capacity": metadata.ready or metadata.switched_off,
                    "/v1/health/ready": metadata.recogniser_ready,
                }
                if self.path in asked:
                    is_ready = asked[self.path]
                    self._answer("ok" if is_ready else None, HTTPStatus.SERVICE_UNAVAILABLE)
                elif self.headers.get("X-aws-ec2-metadata-token") != "the-session-token":
                    self._answer(None, HTTPStatus.UNAUTHORIZED)
                else:
                    name = self.path.removeprefix("/latest/meta-data/")
                    metadata.asked.append(name)
                    value = metadata.values.get(name)
                    self._answer(value, HTTPStatus.NOT_FOUND)

            def _answer(self, body: str | None, otherwise: HTTPStatus) -> None:
                text = (body or "").encode()
                self.send_response(otherwise if body is None else HTTPStatus.OK)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        with ExitStack() as servers:
            here = ("127.0.0.1", 0)
            clear = _served(http.server.ThreadingHTTPServer(here, Handler))
            self.url = f"http://127.0.0.1:{servers.enter_context(clear)}"
            self.gateway_port = servers.enter_context(_served(_TlsServer(here, Handler)))
            yield


@dataclass(frozen=True)
class Call:
    """One call of a stand-in."""

    program: str
    arguments: tuple[str, ...]
    input: str | None
    environment: Mapping[str, str]

    @property
    def line(self) -> str:
        return " ".join((self.program, *self.arguments))


def rule(
    *words: str,
    out: str = "",
    err: str = "",
    status: int = 0,
    times: int | None = None,
    seconds: float = 0.0,
    becomes: tuple[str, ...] = (),
) -> dict[str, object]:
    """How the stand-ins answer a command line with all these words.

    Args:
        words: parts of the command line, in any order.
        out: standard output.
        err: standard error.
        status: exit status.
        times: how often the rule holds; None for always.
        seconds: before the answer.
        becomes: a program and its arguments to become afterwards.
    """
    return {
        "words": words,
        "out": out,
        "err": err,
        "status": status,
        "times": times,
        "seconds": seconds,
        "exec": becomes,
    }


def read_calls(path: Path) -> list[Call]:
    """The calls that stand-ins noted, in order."""
    lines = path.read_text().splitlines() if path.exists() else []
    notes = [ast.literal_eval(line) for line in lines]
    return [Call(**{**note, "arguments": tuple(note["arguments"])}) for note in notes]


def one_clear_line(stderr: str) -> str:
    """The one line of a script's errors that says why it failed."""
    (line,) = [line for line in stderr.splitlines() if "FAILED" in line]
    return line


def standin_program(python: str) -> str:
    """The stand-in's text for that Python."""
    _, _, body = Path(__file__).with_name("standin.py").read_text().partition("\n")
    return run_by(python, "-IS") + body


@dataclass
class Host:
    """The machine.

    Attributes:
        folder: where everything of it lies.
        metadata: its instance metadata service, gateway and recogniser.
    """

    folder: Path
    settings: MachineSettings
    metadata: Metadata

    def __post_init__(self) -> None:
        self.library = self._folder("library")
        for file in host_files(self.settings):
            if file.path.startswith(f"{LIBRARY}/"):
                path = self.library / file.path.removeprefix(f"{LIBRARY}/")
                path.write_text(file.content, encoding="ascii")
                path.chmod(file.mode)
        self._standins = self._folder("standins")
        program = self._standins / "standin"
        program.write_text(standin_program(sys.executable))
        program.chmod(0o755)
        self._bin = self._folder("bin")
        for name in (*STANDINS, *MOUNTS):
            (self._bin / name).symlink_to(program)
        self._rules: list[dict[str, object]] = []
        for text in host_programs().values():
            place = self._standins / "s3" / self.settings.artefact_bucket / program_key(text)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.run_folder = self._folder("run")
        self.state = self._folder("state")
        self.store = self._folder("state/store")
        run = ("run/secrets", "run/files", "run/asr", "run/recognition", "run/docker")
        for name in (*run, "state/store/models", "logs"):
            self._folder(name)
        (self.run_folder / "gpu").write_text("nvidia-a10g-sm86\n")
        self.gateway_tls = self.run_folder / "files" / TLS_FILE
        self.gateway_tls.write_text(gateway_identity())

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def without(self, program: str) -> None:
        """Take a program off the machine."""
        (self._bin / program).unlink()

    def answer(self, *words: str, **how: Any) -> None:  # noqa: ANN401 - of `rule`
        """Let commands with these words answer so; the first rule that fits counts."""
        self._rules.append(rule(*words, **how))

    @property
    def environment(self) -> dict[str, str]:
        """What systemd would give a script, with this machine's folders."""
        (self._standins / "rules").write_text(ascii(self._rules))
        here = {
            "PERCH_RUN": str(self.run_folder),
            "PERCH_STATE": str(self.state),
            "PERCH_LOGS": str(self.folder / "logs"),
            "PERCH_STORE": str(self.store),
            "PERCH_CACHE": str(self.store / "models"),
            "PERCH_NVME": str(self.folder / "nvme"),
            "PERCH_DOCKER_ROOTS": f"{self.folder}/var/docker {self.folder}/var/containerd",
            "PERCH_DISK_SECONDS": "0",
            "PERCH_RELEASES": str(self.folder / "opt"),
            "PERCH_IMDS": f"{self.metadata.url}/latest",
            "PERCH_POLL_SECONDS": "0.05",
            # A test says so where it is about waiting.
            "PERCH_PATIENCE_SECONDS": "0",
            "PERCH_LEAVE_SECONDS": "0",
            "PERCH_UNIT": "perch-test.service",
            "PERCH_GATEWAY_PORT": str(self.metadata.gateway_port),
            "PERCH_GATEWAY_TLS": str(self.gateway_tls),
            "STANDIN_HOME": str(self._standins),
            "PATH": machine_path(self._bin),
        }
        return boot_environment(self.settings) | here

    @property
    def own_port(self) -> str:
        """Where its metadata service plays the recogniser."""
        return self.metadata.url.rpartition(":")[2]

    def run(self, script: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run one script to its end."""
        return subprocess.run(
            tied([self.library / script, *arguments]),
            env=self.environment | changes,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def reason(self) -> str | None:
        """The reason that the last failed script left for the handler."""
        path = self.run_folder / "reason.perch-test.service"
        return path.read_text().strip() if path.exists() else None

    def calls(self, *words: str) -> list[Call]:
        """Calls of stand-ins whose command lines hold all the words, in order."""
        calls = read_calls(self._standins / "calls")
        return [call for call in calls if all(word in call.line for word in words)]

    @property
    def bucket(self) -> Path:
        """The model cache bucket."""
        return self._standins / "s3" / self.settings.model_cache_bucket

    def empty_disk(self) -> None:
        """Forget everything but the buckets: another machine of the same group."""
        shutil.rmtree(self.state)
        self._folder("state/store/models")
