"""A rule: one security property as data, and the Pulumi policy that is made of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from infra.policies.engine.resources import Stack, Subject, kind_of
from infra.policies.exemptions import Exemption, exemption_for

OWN: Final = "project's own"
"""Stands for an id where no public rule set has the property."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRule:
    """A property that one resource has or has not by itself.

    Attributes:
        name: Name of the policy, kebab-case.
        number: Number of the property in docs/security.md.
        text: The property as a sentence.
        ids: Ids of the same property in public rule sets, or `OWN`.
        kinds: Types of the resources it is about.
        check: Says what is wrong, one message each; nothing where all is well.
    """

    name: str
    number: int
    text: str
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    check: Callable[[Subject], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRule:
    """A property that shows only beside the other resources; fields as in `ResourceRule`."""

    name: str
    number: int
    text: str
    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    check: Callable[[PolicyResource, Stack], Iterable[str]]


Rule = ResourceRule | StackRule


def describe(rule: Rule) -> str:
    """Return what Pulumi prints of a policy: the property and its ids."""
    return f"{rule.text} ({', '.join(rule.ids)})"


def as_policy(rule: Rule, exemptions: Sequence[Exemption]) -> Policy:
    """Return the Pulumi policy of a rule; resources that an exemption names are not reported."""
    if isinstance(rule, ResourceRule):
        return _resource_policy(rule, exemptions)
    return _stack_policy(rule, exemptions)


def _resource_policy(
    rule: ResourceRule, exemptions: Sequence[Exemption]
) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if kind_of(args.resource_type) not in rule.kinds:
            return
        if exemption_for(rule.name, args.urn, exemptions) is None:
            _report(partial(rule.check, args), args.urn, report_violation)

    return ResourceValidationPolicy(
        name=rule.name,
        description=describe(rule),
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _stack_policy(rule: StackRule, exemptions: Sequence[Exemption]) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        stack = Stack(args.resources)
        unknown: UnknownValueError | None = None
        for resource in stack.of(*rule.kinds):
            if exemption_for(rule.name, resource.urn, exemptions) is not None:
                continue
            try:
                _report(partial(rule.check, resource, stack), resource.urn, report_violation)
            except UnknownValueError as error:
                unknown = error
        # Only now: one resource that a preview cannot judge must not hide what is wrong with
        # another. Pulumi turns this into a warning.
        if unknown is not None:
            raise unknown

    return StackValidationPolicy(
        name=rule.name,
        description=describe(rule),
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


def _report(
    check: Callable[[], Iterable[str]], urn: str, report_violation: ReportViolation
) -> None:
    try:
        for message in check():
            report_violation(message, urn)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # What has another shape than the provider's cannot be vouched for, and a traceback would
        # name neither the resource nor the policy.
        report_violation(f"cannot be judged: {type(error).__name__}: {error}", urn)
