"""Runs a few constructors, or a whole stack, and keeps what they registered.

Nothing here reaches AWS: resources answer with placeholders. It shows which resources a component
asks for, with which inputs; it does not show that AWS would accept them (moto does, elsewhere) or
that they work together (only a real account does).
"""

import asyncio
import contextvars
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pulumi
from pulumi.runtime.settings import Settings, configure, set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra.iam import AwsLocation
from ops.offline.engine.monitor import RecordingEngine, RecordingMonitor
from ops.offline.engine.program import run_program
from ops.offline.engine.recording import Recording, Resource
from ops.offline.placeholders import PlaceholderProvider
from tests.support.stacks import REGION, ROOT, STACKS, sample, stack

__all__ = ["REGION", "ROOT", "STACKS", "stack"]

HERE: Final = AwsLocation(region=REGION, account_id="123456789012")


def changed_stack(
    name: str, changes: dict[str, object], *, last_outputs: Mapping[str, Any] | None = None
) -> Recording:
    """The same with some configuration laid over the stack's file.

    Args:
        name: the stack.
        changes: configuration, merged group by group.
        last_outputs: what the stack exported before; nothing where it does not exist yet.
    """
    project = sample(name, changes)
    provider = PlaceholderProvider(region=REGION)
    return run_program(project, provider, last_outputs=last_outputs)


def build(program: Callable[[], Any], *, preview: bool = False) -> Recording:
    """Run constructors inside a stack and return what they registered."""
    recording = Recording(project="perch", stack="test", preview=preview)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(contextvars.Context().run, _run, program, recording, preview).result()
    return recording


def _run(program: Callable[[], Any], recording: Recording, preview: bool) -> None:
    monitor = RecordingMonitor(recording, PlaceholderProvider(region=REGION, preview=preview), ROOT)
    set_root_resource(None)  # type: ignore[arg-type]  # the SDK's own way to say: no stack yet
    pulumi.runtime.set_all_config({"aws:region": REGION}, [])
    configure(
        Settings(
            project="perch",
            stack="test",
            monitor=monitor,
            engine=RecordingEngine(recording),
            dry_run=preview,
            root_directory=str(ROOT),
        )
    )
    with asyncio.Runner() as runner, warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(aws|s3)\..* has been deprecated", DeprecationWarning)
        runner.get_loop().set_default_executor(ThreadPoolExecutor(1))
        runner.run(_finish(program))


async def _finish(program: Callable[[], Any]) -> None:
    await asyncio.wait_for(run_in_stack(program), 30)


def component(recording: Recording, kind: str, name: str) -> Resource:
    """One component by the last part of its type."""
    return recording.one(f"perch:infra:{kind}", name)


def children(recording: Recording, kind: str, name: str) -> list[str]:
    """What a component consists of, as sorted `Type name`."""
    owner = component(recording, kind, name)
    return sorted(
        f"{child.type.rsplit(':', 1)[-1]} {child.name}" for child in recording.children(owner.urn)
    )


def plain_components(recording: Recording) -> list[Resource]:
    """Every component of ours."""
    return [found for found in recording.resources.values() if found.type.startswith("perch:")]


def compared(one: Resource) -> dict[str, object]:
    """What a deployment compares of a resource: secrets that begin with a value are left alone."""
    ignored = one.options.get("ignoreChanges") or ()
    version = "aws:secretsmanager/secretVersion:SecretVersion"
    return {
        key: value for key, value in one.inputs.items() if one.type != version or key not in ignored
    }
