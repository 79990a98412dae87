"""The pack run over the resources of one run, without Pulumi."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pulumi_policy import (
    Policy,
    PolicyResource,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from infra.policies.engine.recorded import alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one policy says of one resource.

    Attributes:
        policy: Name of the policy.
        urn: The resource; empty where it is about no single one.
        message: What is wrong, or why it could not be judged.
        judged: False where a preview does not know enough.
    """

    policy: str
    urn: str
    message: str
    judged: bool = True


def judge(policies: Sequence[Policy], resources: Sequence[PolicyResource]) -> list[Finding]:
    """Run every policy over every resource, as Pulumi does."""
    return [finding for policy in policies for finding in _run(policy, resources)]


def _run(policy: Policy, resources: Sequence[PolicyResource]) -> Iterator[Finding]:
    if isinstance(policy, StackValidationPolicy):
        found: list[Finding] = []

        def report(message: str, urn: str | None = None) -> None:
            found.append(Finding(policy=policy.name, urn=urn or "", message=message))

        try:
            policy.validate(StackValidationArgs(list(resources)), report)
        except UnknownValueError as error:
            found.append(_unjudged(policy.name, "", error))
        yield from found
    elif isinstance(policy, ResourceValidationPolicy):
        for resource in resources:
            yield from _run_alone(policy, resource)


def _run_alone(policy: ResourceValidationPolicy, resource: PolicyResource) -> list[Finding]:
    found: list[Finding] = []

    def report(message: str, _urn: str | None = None) -> None:
        found.append(Finding(policy=policy.name, urn=resource.urn, message=message))

    try:
        policy.validate(alone(resource), report)
    except UnknownValueError as error:
        found.append(_unjudged(policy.name, resource.urn, error))
    return found


def _unjudged(policy: str, urn: str, error: UnknownValueError) -> Finding:
    return Finding(policy=policy, urn=urn, message=error.message, judged=False)
