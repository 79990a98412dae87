"""A run that creates: every resource of a stack through boto3, in moto, never in AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.offline.engine.program import run_program
from ops.offline.engine.project import load_project
from ops.offline.engine.recording import Recording
from ops.offline.provider.api import IN_PROCESS, AwsApi
from ops.offline.provider.provider import AwsProvider, default_provider
from ops.offline.simulator.credentials import load

__all__ = ["IN_PROCESS", "AppliedStack", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedStack:
    """A stack that exists.

    Attributes:
        outputs: the stack's outputs, plain.
        secret_outputs: the names of those that hold a secret; never show them.
        resources: physical ids by URN.
        unsupported: URN -> why that resource exists on paper only.
        recording: everything that was registered.
    """

    outputs: Mapping[str, Any] = field(repr=False)
    secret_outputs: frozenset[str]
    resources: Mapping[str, str]
    unsupported: Mapping[str, str]
    recording: Recording = field(repr=False)


def apply(
    stack: str,
    *,
    endpoint_url: str,
    credentials: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    root: Path | None = None,
) -> AppliedStack:
    """Create every resource of a stack.

    It creates and nothing else: an endpoint that holds the stack already answers that things exist.

    Args:
        stack: the stack's name.
        endpoint_url: a server on this machine (`ops.offline.simulator.server`), or `IN_PROCESS`
            while moto's `mock_aws` is active and `ops.offline.simulator.moto_patches` installed.
        credentials: file that the server keeps its access key in; none for `IN_PROCESS`.
        overrides: configuration laid over the stack's file; see
            `ops.offline.engine.project.load_project`.
        root: folder of Pulumi.yaml; this checkout unless given.

    Raises:
        OfflineError: the endpoint is not local, the project or the credentials cannot be read, or
            resources failed; the message lists each with its type, name and reason.
    """
    api = AwsApi(endpoint_url, None if credentials is None else load(credentials))
    project = load_project(stack, root=root, overrides=overrides)
    config = default_provider(project.config)
    caller = api.call("sts", "get_caller_identity", config.region, {})
    provider = AwsProvider(api=api, account=caller["Account"], default=config)
    recording = run_program(project, provider)
    return AppliedStack(
        outputs=recording.outputs,
        secret_outputs=frozenset(str(path[0]) for path in recording.secret_outputs),
        resources={urn: state.id for urn, state in recording.states.items() if state.id},
        unsupported=provider.unsupported,
        recording=recording,
    )
