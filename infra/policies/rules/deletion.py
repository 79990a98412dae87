"""Property 17, Pulumi's side: a stack is destroyed whole or not at all, and on purpose."""

from collections.abc import Iterator
from typing import Final

from pulumi_policy import PolicyResource

from infra.policies.engine.resources import (
    AUTO_SCALING_GROUP,
    LISTENER,
    LOAD_BALANCER,
    TARGET_GROUP,
    Stack,
    Subject,
)
from infra.policies.engine.rule import OWN, ResourceRule, Rule, StackRule

_GUARD: Final = "perch:infra:DeletionGuard"


def _protected(carrier: Subject) -> Iterator[str]:
    # A listener that only redirects carries nothing.
    if carrier.props.get("protocol") == "HTTP" and carrier.resource_type.endswith(":Listener"):
        return
    if not carrier.opts.protect:
        yield "protect is off, so Pulumi deletes or replaces it when asked; accepted: protect"


def _guarded(_balancer: PolicyResource, stack: Stack) -> Iterator[str]:
    guards = [one for one in stack.of(_GUARD) if one.opts.protect]
    if not guards:
        yield f"no protected {_GUARD} depends on it, so a refused destroy has deleted a part"
    for guard in guards:
        reached = {one.urn for one in guard.dependencies}
        missing = [
            one.name
            for one in stack
            if one.resource_type.startswith("aws:") and one.urn not in reached
        ]
        if missing:
            yield f"{guard.name} does not depend on {', '.join(missing)}; accepted: on everything"


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="what-carries-traffic-is-protected",
        number=17,
        text="Pulumi neither deletes nor replaces what carries traffic.",
        ids=(OWN,),
        kinds=(LOAD_BALANCER, LISTENER, TARGET_GROUP, AUTO_SCALING_GROUP),
        check=_protected,
    ),
    StackRule(
        name="destroy-takes-everything-or-nothing",
        number=17,
        text="A destroy that is refused has deleted nothing.",
        ids=(OWN,),
        kinds=(LOAD_BALANCER,),
        check=_guarded,
    ),
)
