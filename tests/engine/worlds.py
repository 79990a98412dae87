"""A simulated AWS in a process of its own, and a stack on the engine in front of it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.automation import PulumiCommand

from ops.offline.engine.project import load_project
from ops.offline.provider.api import AwsApi
from ops.offline.pulumi_cli.outcomes import Outcome
from ops.offline.pulumi_cli.workspace import EngineStack, stack_on_engine
from ops.offline.simulator.credentials import load
from tests.support.stacks import SAMPLES

_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One stack on the engine, alone in its AWS.

    Attributes:
        stack: What the engine does with it.
        api: The simulated AWS.
        region: Where the stack is.
        given: Configuration over the stack's file that every scenario has.
    """

    stack: EngineStack
    api: AwsApi
    region: str
    given: Mapping[str, Any]

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Return a boto3 client: what is done with it is done by hand."""
        return self.api.client(service, self.region)

    def preview(
        self,
        change: Mapping[str, Any] | None = None,
        *,
        refresh: bool = False,
        policy_pack: Path | None = None,
    ) -> Outcome:
        """Plan with configuration over the stack's; the next command is without it again."""
        with self._changed(change):
            return self.stack.preview(refresh=refresh, policy_pack=policy_pack)

    def up(
        self,
        change: Mapping[str, Any] | None = None,
        *,
        parallel: int | None = None,
        targets: Sequence[str] = (),
    ) -> Outcome:
        """Apply with configuration over the stack's; the next command is without it again."""
        with self._changed(change):
            return self.stack.up(parallel=parallel, targets=targets)

    def refresh(self) -> Outcome:
        """Take over what AWS has."""
        return self.stack.refresh()

    def destroy(self, *, parallel: int | None = None) -> Outcome:
        """Delete everything that may be deleted."""
        return self.stack.destroy(parallel=parallel)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        return self.stack.outputs()

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return the engine's state by URN."""
        return self.stack.resources()

    @contextmanager
    def _changed(self, change: Mapping[str, Any] | None) -> Iterator[None]:
        if not change:
            yield
            return
        self.stack.configure(merged(self.given, change))
        try:
            yield
        finally:
            self.stack.configure(self.given)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return configuration laid over configuration, key by key."""
    found = dict(below)
    for key, value in above.items():
        under = found.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        found[key] = merged(under, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return found


@contextmanager
def world(
    name: str,
    folder: Path,
    command: PulumiCommand,
    change: Mapping[str, Any] | None = None,
    root: Path | None = None,
) -> Iterator[World]:
    """Have a stack on the engine, not yet up, in front of an empty AWS."""
    root = root or SAMPLES
    project = load_project(name, root=root)
    region = project.config["aws:region"]
    with simulated_aws(folder) as api:
        given = merged(_zone(api, region, project.config["perch:domain"]), change or {})
        with stack_on_engine(
            name,
            folder / "engine",
            api=api,
            command=command,
            overrides=given or None,
            root=root,
        ) as stack:
            yield World(stack=stack, api=api, region=region, given=given)


@contextmanager
def simulated_aws(folder: Path) -> Iterator[AwsApi]:
    """Run moto with the patches in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    credentials = folder / "aws-credentials"
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "ops.offline.simulator.server"),
            *("--port", "0", "--credentials", str(credentials)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            said = server.stdout.readline()
            assert "http://" in said, "the simulated AWS did not start"
            yield AwsApi(said.split()[-1], load(credentials))
        finally:
            server.terminate()
            server.wait(_STOP_SECONDS)


def _zone(api: AwsApi, region: str, domain: str) -> dict[str, Any]:
    """Make the hosted zone that a person has before the first `pulumi up`, where there is one."""
    if "zone_id" not in domain:
        return {}
    zone = api.call(
        "route53", "create_hosted_zone", region, {"Name": "example.com", "CallerReference": "once"}
    )
    return {"domain": {"zone_id": zone["HostedZone"]["Id"].rpartition("/")[2]}}
