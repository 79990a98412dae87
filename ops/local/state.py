"""The state folder of a stack on this machine: who runs, since when, and what belongs to it."""

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ops.console import hints
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.local.supervisor.records import ProcessRecord
from ops.private_files import write_private


class State(BaseModel):
    """What runs for a stack.

    Attributes:
        stack: Name of the stack.
        supervisor: The `perch up` that owns the rest.
        url: Where the environment answers, once it does.
        aws: Environment variables with which boto3 and the AWS CLI reach this stack's API.
        children: Every process started, in the order of starting.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    supervisor: ProcessRecord
    url: str | None = None
    aws: Mapping[str, str] = {}
    children: tuple[ProcessRecord, ...] = ()


class StateFolder:
    """The files of a stack on this machine.

    Args:
        path: The folder; made when something is written to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outputs = path / "outputs.json"
        self.state = path / "state.json"
        self.logs = path / "logs"
        self.resume_keys = path / "resume-keys"
        self.recognition = path / "recognition"
        self.gateway_tls = path / "gateway-tls.pem"
        self.access_list = path / "access-list"
        self.aws_credentials = path / "aws-credentials"
        self.engine = path / "engine"

    def prepare(self) -> None:
        """Make the folder and those in it.

        Raises:
            ConfigurationError: It cannot be written to.
        """
        try:
            for folder in (self.path, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.path / ".writable", "")
            (self.path / ".writable").unlink()
        except OSError as error:
            raise ConfigurationError(
                f"the state folder {self.path} cannot be written to ({error.strerror}); "
                "name another with --state-dir"
            ) from None

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the one supervisor of this folder while the block runs.

        Raises:
            CommandFailedError: Another one is; says where it answers and how to stop it.
        """
        # The kernel drops the lock with the process, so a crash leaves none behind.
        try:
            opened = (self.path / "lock").open("a")
        except OSError as error:
            raise ConfigurationError(
                f"{self.path / 'lock'} cannot be opened ({error.strerror}); name another folder "
                "with --state-dir"
            ) from None
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandFailedError(self._already_up()) from None
            yield

    def _already_up(self) -> str:
        state = self.read()
        if state is None:
            return (
                f"another `perch up` is just starting in {self.path}; wait for it, or name another "
                "folder with --state-dir"
            )
        where = f"at {state.url}" if state.url else "and still starting"
        return (
            f"stack {state.stack} is already up {where} (process {state.supervisor.pid}); "
            f"{hints.command('down', state.stack, self.path)} stops it"
        )

    def read(self) -> State | None:
        """Return what was last written; None when that is nothing, or not to be understood.

        Raises:
            CommandFailedError: It cannot be read.
        """
        try:
            return State.model_validate_json(self.state.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        except OSError as error:
            raise CommandFailedError(f"{self.state} cannot be read: {error.strerror}") from None

    def write(self, state: State) -> None:
        """Remember ``state``."""
        write_private(self.state, json.dumps(state.model_dump(mode="json"), indent=2))

    def clear(self) -> None:
        """Forget what ran and what the stack gave out; certificates and logs stay."""
        for file in (
            *(self.outputs, self.state, self.resume_keys, self.recognition),
            *(self.gateway_tls, self.aws_credentials),
        ):
            file.unlink(missing_ok=True)

    def forget_handed(self) -> None:
        """Take away what a run that crashed left for its gateways: this run has other keys."""
        for file in (self.resume_keys, self.recognition, self.gateway_tls):
            file.unlink(missing_ok=True)
