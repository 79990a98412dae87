"""A run that creates: every resource of a stack through boto3, in moto, never in AWS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.offline.aws.backend import AwsBackend, default_provider
from ops.offline.aws.cloud import IN_PROCESS, Cloud
from ops.offline.credentials import load
from ops.offline.project import load_project
from ops.offline.recording import Recording
from ops.offline.run import run_program

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
        endpoint_url: a server on this machine (`ops.offline.server`), or `IN_PROCESS` while moto's
            `mock_aws` is active and `ops.offline.moto_patches` installed.
        credentials: file that the server keeps its access key in; none for `IN_PROCESS`.
        overrides: configuration laid over the stack's file; see `ops.offline.project.load_project`.
        root: folder of Pulumi.yaml; this checkout unless given.

    Raises:
        OfflineError: the endpoint is not local, the project or the credentials cannot be read, or
            resources failed; the message lists each with its type, name and reason.
    """
    cloud = Cloud(endpoint_url, None if credentials is None else load(credentials))
    project = load_project(stack, root=root, overrides=overrides)
    provider = default_provider(project.config)
    caller = cloud.call("sts", "get_caller_identity", provider.region, {})
    backend = AwsBackend(cloud=cloud, account=caller["Account"], default=provider)
    recording = run_program(project, backend)
    return AppliedStack(
        outputs=recording.outputs,
        secret_outputs=frozenset(str(path[0]) for path in recording.secret_outputs),
        resources={urn: state.id for urn, state in recording.states.items() if state.id},
        unsupported=backend.unsupported,
        recording=recording,
    )
