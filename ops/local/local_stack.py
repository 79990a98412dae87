"""A stack on this machine, while it runs: created, started, shown to work, watched and stopped."""

import json
import os
import shlex
import ssl
from dataclasses import dataclass
from pathlib import Path

import httpx

from ops.console import hints
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.local.certificates import TlsIdentity
from ops.local.children import ChildSpecs, aws_access
from ops.local.plan import (
    PORTS_IN_A_ROW,
    PROMETHEUS_PORT,
    Config,
    exported_ports,
)
from ops.local.report import Reporter
from ops.local.state import State, StateFolder
from ops.local.supervisor import ports
from ops.local.supervisor.records import ProcessRecord, record
from ops.local.supervisor.supervisor import ChildDiedError, ChildSpec, Supervisor
from ops.observe import prometheus
from ops.offline.engine.project import StackProject
from ops.smoke.checks import Smoke
from ops.smoke.command import line_of
from ops.smoke.recording import Recording
from ops.stack import StackOutputs, read_file

START_SECONDS = 120.0
"""Deadline for processes that start together; loading the model takes most of it."""
APPLY_SECONDS = 180.0
PROBE_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What was asked for, checked as far as it can be before anything starts.

    Args:
        project: The stack's program and configuration.
        overrides: What was laid over its configuration.
        aws_port: Where the AWS API is to listen.
        folder: Where its state is kept.
        identity: What the listener proves itself with.
        recorded: What the smoke test has recognised.
        engine: Whether Pulumi's own engine applies the stack.
        observer: The Prometheus that is to watch it, None for none.
        observer_port: Where that one is to listen.
        script: What recognisers say whatever they hear; None to recognise speech.
        faults: Whether the recognisers take scripts of faults over HTTP.
    """

    project: StackProject
    overrides: Config
    aws_port: int
    folder: StateFolder
    identity: TlsIdentity
    recorded: Recording
    engine: bool = False
    observer: Path | None = None
    observer_port: int = PROMETHEUS_PORT
    script: Path | None = None
    faults: bool = False


def refuse_taken(wanted: dict[str, int]) -> None:
    """Refuse ports that cannot be had.

    Raises:
        ConfigurationError: Names each with what wants it and who has it.
    """
    if problems := ports.problems(wanted):
        raise ConfigurationError(
            f"{'; '.join(problems)}. Free it, or choose others with --port or --ports-from "
            f"({PORTS_IN_A_ROW} ports in a row)"
        )


class LocalStack:
    """A stack on this machine, while it runs.

    Args:
        options: What was asked for.
        reporter: Speaks to the person.
    """

    def __init__(self, options: UpOptions, reporter: Reporter) -> None:
        self._options = options
        self._reporter = reporter
        self._me = record("perch up", os.getpid())
        self._url: str | None = None
        self._aws: dict[str, str] = {}
        self.supervisor = Supervisor(on_change=self._remember, say=reporter.say)

    def _remember(self, children: tuple[ProcessRecord, ...]) -> None:
        self._options.folder.write(
            State(
                stack=self._options.project.stack,
                supervisor=self._me,
                url=self._url,
                aws=self._aws,
                children=children,
            )
        )

    @property
    def is_up(self) -> bool:
        """Whether everything has come up and was shown to work."""
        return self._url is not None

    async def run(self) -> None:
        """Bring everything up, show that it works, and keep it up until cancelled.

        Raises:
            CommandFailedError: Something did not come up, or a part that cannot be replaced died.
        """
        trust = ssl.create_default_context(cafile=self._options.identity.authority)
        async with httpx.AsyncClient(
            verify=trust, trust_env=False, timeout=PROBE_SECONDS
        ) as client:
            specs = ChildSpecs(folder=self._options.folder, client=client)
            outputs = await self._create(specs)
            await self._start(specs, outputs)
            await self._show(outputs)
            try:
                await self.supervisor.watch()
            except* ChildDiedError as deaths:
                raise deaths.exceptions[0] from None

    async def _create(self, specs: ChildSpecs) -> StackOutputs:
        """Create the stack in an AWS API of its own and return its outputs."""
        project = self._options.project
        spec = specs.aws(self._options.aws_port)
        region = project.config.get("aws:region", "us-east-1")
        self._aws = aws_access(spec.address, region, self._options.folder.aws_credentials)
        await self._bring_up("starting an AWS API (moto)", spec, detail=spec.address)
        with self._reporter.step(f"creating stack {project.stack} in it") as step:
            await self.supervisor.run(
                specs.apply(
                    project.stack,
                    root=project.root,
                    overrides=json.dumps(self._options.overrides),
                    aws=self._aws,
                    engine=self._options.engine,
                ),
                seconds=APPLY_SECONDS,
            )
            outputs = read_file(self._options.folder.outputs, stack=project.stack)
            step.detail = outputs.endpoint_url
        refuse_taken(exported_ports(outputs))
        return outputs

    async def _start(self, specs: ChildSpecs, outputs: StackOutputs) -> None:
        """Start what the outputs say: a host, both colours together, the listener before them."""
        self._options.folder.forget_handed()
        host = specs.host(outputs, self._aws)
        await self._bring_up("fetching keys and following the switch", host)
        streams, observer = outputs.riva_endpoint_streams, self._options.observer
        watched: dict[str, int] = {
            name: prometheus.free_port() for name, _ in outputs.colours.items() if observer
        }
        colours = [
            spec
            for name, colour in outputs.colours.items()
            for spec in (
                specs.emulator(
                    name,
                    colour,
                    streams=streams,
                    script=self._options.script,
                    faults=self._options.faults,
                ),
                specs.gateway(name, colour, outputs, watched.get(name, 0)),
            )
        ]
        await self._bring_up("starting an emulator and a gateway for each colour", *colours)
        listener = specs.listener(outputs, self._options.identity, self._aws)
        await self._bring_up("starting the TLS listener", listener)
        if observer is not None:
            spec = specs.prometheus(
                observer,
                self._options.project.stack,
                port=self._options.observer_port,
                admin_ports=watched,
            )
            await self._bring_up("starting Prometheus", spec, detail=spec.address)

    async def _bring_up(self, what: str, *specs: ChildSpec, detail: str = "") -> None:
        """Start children together and wait until all of them are ready."""
        with self._reporter.step(what) as step:
            for spec in specs:
                await self.supervisor.start(spec)
            await self.supervisor.until_ready(
                [spec.name for spec in specs], seconds=START_SECONDS, progress=step.waiting
            )
            step.detail = detail

    async def _show(self, outputs: StackOutputs) -> None:
        """Run the smoke test and say what there is.

        Raises:
            CommandFailedError: A check failed.
        """
        say = self._reporter.say
        smoke = Smoke(
            outputs=outputs,
            recorded=self._options.recorded,
            awake=[name for name, _ in outputs.colours.items()],
            # What a person waits for; `perch smoke` has the rest.
            dialect_b=False,
            on_check=lambda check: say(f"      {line_of(check)}"),
        )
        with self._reporter.step("smoke test"):
            report = await smoke.run()
            if not report.ok:
                raise CommandFailedError(
                    f"the smoke test failed; the logs are in {self._options.folder.logs}"
                )
        self._url = outputs.endpoint_url
        self._remember(self.supervisor.records())
        self._reporter.table(self.supervisor.records(), self._me)
        if report.heard is not None:
            say(f"heard    {report.heard.text}")
            say(f"in       {report.heard.recording}")
        say(f"page     {outputs.endpoint_url}/ui")
        if outputs.ca_certificate_path is not None:
            say(f"trust    {outputs.ca_certificate_path} (import it into the browser once)")
        stack, folder = self._options.project.stack, self._options.folder.path
        perch, options = hints.own_name(), hints.stack_options(stack, folder)
        recorded = shlex.quote(str(self._options.recorded.path))
        say(f"try      {perch} transcribe {recorded}{options}")
        say(f"switch   {perch} recognition off{options}")
        say(f"stop     Ctrl-C here, or `{perch} down{options}` in another terminal")

    async def close(self) -> None:
        """Stop every process and forget the stack."""
        killed = await self.supervisor.stop_all()
        for name in killed:
            self._reporter.say(f"perch: {name} did not stop in time and was killed")
        self._options.folder.clear()
