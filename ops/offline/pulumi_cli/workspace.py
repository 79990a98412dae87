"""A stack on the real engine: its state in a folder, its program in this process."""

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pulumi.automation import (
    Deployment,
    EngineEvent,
    LocalWorkspace,
    PulumiCommand,
    Stack,
)
from pulumi.automation.errors import CommandError

from ops.offline.engine import sdk
from ops.offline.engine.program import execute, importable
from ops.offline.engine.project import StackProject, load_project
from ops.offline.errors import OfflineError
from ops.offline.plugin.service import serve
from ops.offline.provider.api import AwsApi
from ops.offline.pulumi_cli.ending import run_and_end
from ops.offline.pulumi_cli.outcomes import Outcome, read_events
from ops.offline.pulumi_cli.stack_files import write_project, write_stack
from ops.private_files import write_private

_SECONDS: Final = 60.0
"""For a command that reads or writes configuration; it takes one."""

_STATE_VERSION: Final = 3
"""Of the format of an exported state (pulumi/pulumi: sdk/go/common/apitype/core.go)."""

_PERSONS_OWN: Final = (
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_STACK",
    "PULUMI_ENV",
)
"""Variables of a person's own stacks, which a run must neither use nor hand on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the engine keeps what belongs to one run."""

    folder: Path
    port: int

    @property
    def project(self) -> Path:
        return self.folder / "project"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def prepare(self) -> None:
        for folder in (self.project, self.state, self.folder / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        passphrase = self.folder / "passphrase"
        if not passphrase.exists():
            write_private(passphrase, secrets.token_urlsafe(32))

    def launcher(self, pack: Path) -> Path:
        """Return a program that starts a policy pack.

        The engine starts a folder by its host for Python, which is not there; a program it starts
        itself (pulumi/pulumi: pkg/resource/plugin/analyzer_plugin.go).
        """
        program = self.folder / f"policies-{pack.name}"
        words = shlex.join((sys.executable, "-u", str(pack)))
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        program.chmod(0o700)
        return program

    def variables(self) -> dict[str, str]:
        """Return the CLI's environment over this process's: nothing of it reaches a network."""
        return {
            **dict.fromkeys(_PERSONS_OWN, ""),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
        }


class EngineStack:
    """One stack, as the engine has it.

    Every method that runs the program gives an `Outcome`, also where the engine refuses: whoever
    asks reads `failure`.

    Args:
        project: Its program, with the configuration of its file.
        place: Where its state lies.
        command: The CLI.
    """

    def __init__(self, project: StackProject, place: _Place, command: PulumiCommand) -> None:
        self.project = project
        self._place = place
        self._command = command
        place.prepare()
        write_project(place.project, project)
        held = write_stack(place.project, project, changed=False)
        self._stack = Stack.create_or_select(
            project.stack,
            LocalWorkspace(
                work_dir=str(place.project),
                pulumi_home=str(place.folder / "home"),
                program=self._program,
                env_vars=place.variables(),
                secrets_provider="passphrase",  # pragma: allowlist secret
                pulumi_command=command,
            ),
        )
        self._keep(held)

    def configure(self, overrides: Mapping[str, object] | None = None) -> None:
        """Lay configuration over the stack's file; without any, the file's own is back.

        Args:
            overrides: See `ops.offline.engine.project.load_project`.
        """
        self.project = load_project(self.project.stack, root=self.project.root, overrides=overrides)
        self._keep(write_stack(self._place.project, self.project, changed=True))

    def configure_secret(self, key: str, value: str) -> None:
        """Set a secret of the configuration, as `pulumi config set --secret` does.

        Args:
            key: With its namespace, as `perch:ngc_api_key`.
            value: Its plain text; it stands on no command line and in no file.
        """
        self._keep({key: value})

    def preview(self, *, refresh: bool = False, policy_pack: Path | None = None) -> Outcome:
        """Plan, and change nothing.

        Args:
            refresh: Look at every resource first, as the nightly check of drift does.
            policy_pack: Folder of a policy pack in Python that judges the plan.
        """
        packs = None if policy_pack is None else [str(self._place.launcher(policy_pack))]
        return self._run(
            lambda on_event, on_output: self._stack.preview(
                refresh=refresh, policy_packs=packs, on_event=on_event, on_output=on_output
            )
        )

    def up(self, *, parallel: int | None = None, targets: Sequence[str] = ()) -> Outcome:
        """Plan and apply.

        Args:
            parallel: How many resources at once; 1 makes the order of steps the plan's own.
            targets: Patterns of URNs, as `pulumi up --target` takes them; none for everything.
        """
        return self._run(
            lambda on_event, on_output: self._stack.up(
                parallel=parallel,
                target=list(targets) or None,
                on_event=on_event,
                on_output=on_output,
            )
        )

    def refresh(self) -> Outcome:
        """Take over into the state what the cloud has."""
        return self._run(
            lambda on_event, on_output: self._stack.refresh(on_event=on_event, on_output=on_output)
        )

    def destroy(self, *, parallel: int | None = None) -> Outcome:
        """Delete everything, without a preview before it, as `pulumi destroy --skip-preview`."""
        return self._run(
            lambda on_event, on_output: self._stack.destroy(
                parallel=parallel, on_event=on_event, on_output=on_output
            )
        )

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, plain; secrets among them too."""
        return {key: value.value for key, value in self._stack.outputs().items()}

    def secret_outputs(self) -> frozenset[str]:
        """Return the names of the outputs that are secret."""
        return frozenset(key for key, value in self._stack.outputs().items() if value.secret)

    def state(self) -> dict[str, Any]:
        """Return the stack's state as `pulumi stack export` has it; secrets encrypted."""
        return dict(self._stack.export_stack().deployment or {})

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the resources of the state by URN, as the engine keeps them; secrets encrypted."""
        return {entry["urn"]: entry for entry in self.state().get("resources", ())}

    def replace_state(self, state: dict[str, Any]) -> None:
        """Put a state in place of the stack's own, as `pulumi stack import` does."""
        self._stack.import_stack(Deployment(version=_STATE_VERSION, deployment=state))

    def files(self) -> Iterator[Path]:
        """Yield every file that the engine has written for this stack."""
        return (path for path in self._place.folder.rglob("*") if path.is_file())

    def _program(self) -> None:
        run_and_end(lambda: execute(self.project.program))

    def _run(
        self, command: Callable[[Callable[[EngineEvent], None], Callable[[str], None]], object]
    ) -> Outcome:
        events: list[EngineEvent] = []
        lines: list[str] = []
        failure = ""
        with importable(self.project), sdk.quiet_deprecations():
            try:
                command(events.append, lines.append)
            except CommandError as error:
                failure = str(error)
        events.sort(key=lambda event: event.sequence)
        return read_events(events, printed="\n".join(lines) + failure, failure=failure)

    def _keep(self, held: Mapping[str, str]) -> None:
        """Encrypt secrets into the stack's file; they go to the CLI by its standard input."""
        for key, value in held.items():
            arguments = ("config", "set", "--secret", key, "--stack", self.project.stack)
            done = subprocess.run(
                [self._command.command, "--non-interactive", *arguments],
                cwd=self._place.project,
                env={**os.environ, **self._place.variables()},
                input=value,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise OfflineError(f"{key}: pulumi config set: {done.stderr.strip()}")


@contextmanager
def stack_on_engine(  # noqa: PLR0913 - where and what: nothing of it follows from the rest
    name: str,
    folder: Path,
    *,
    api: AwsApi,
    command: PulumiCommand,
    overrides: Mapping[str, object] | None = None,
    root: Path | None = None,
) -> Iterator[EngineStack]:
    """Have a stack on the engine while the context lasts; its state stays in the folder.

    Args:
        name: The stack's name; its file is in `stacks/`.
        folder: What the engine writes; one that holds the stack's state already goes on with it.
        api: The simulated AWS.
        command: The CLI, from `binary`.
        overrides: Configuration laid over the stack's file.
        root: Folder of Pulumi.yaml; this checkout unless given.

    Raises:
        OfflineError: The project cannot be read, or the simulated AWS does not answer.
    """
    project = load_project(name, root=root)
    with serve(api, project.config.get("aws:region", "us-east-1")) as port:
        stack = EngineStack(project, _Place(folder=folder.resolve(), port=port), command)
        if overrides is not None:
            stack.configure(overrides)
        yield stack
