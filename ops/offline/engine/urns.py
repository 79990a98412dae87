"""URNs: what makes a resource the same resource from one run to the next.

The rules are the engine's (pulumi/pulumi: sdk/go/common/resource/urn,
pkg/resource/deploy/step_generator.go); the SDK's own mock monitor shortens the chain of parents,
so they are written out here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, slots=True)
class Urn:
    """The parts of `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """Split a URN; the name may itself hold `::`."""
        _, stack_part, rest = text.split(":", 2)
        if not text.startswith("urn:pulumi:") or stack_part != "pulumi":
            raise ValueError(f"{text!r} is not a Pulumi URN")
        stack, project, qualified_type, name = rest.split("::", 3)
        return cls(stack, project, qualified_type, name)

    @property
    def type(self) -> str:
        """The resource's own type, without its parents'."""
        return self.qualified_type.rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return the URN of a resource below a parent; the stack is in no chain of types."""
    chain = Urn.parse(parent).qualified_type if parent else STACK_TYPE
    qualified = type_ if chain == STACK_TYPE else f"{chain}${type_}"
    return str(Urn(stack, project, qualified, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An alias as declared: a whole URN, or the parts that differed; None means: as it is now."""

    urn: str | None = None
    name: str | None = None
    type: str | None = None
    stack: str | None = None
    project: str | None = None
    parent: str | None = None
    no_parent: bool = False


def alias_urns(  # noqa: PLR0913 - a resource's identity has this many parts
    *,
    stack: str,
    project: str,
    parent: str,
    type_: str,
    name: str,
    declared: Sequence[Alias],
    parent_aliases: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """Return every URN the resource may have had: by its own aliases, and by its parents'.

    A child whose name begins with its parent's name follows the parent's old name, as in the
    engine.
    """
    own = make_urn(stack, project, parent, type_, name)
    found: list[str] = []

    def below(parent_urn: str, child_name: str, child_type: str) -> list[str]:
        return [
            make_urn(
                stack, project, old_parent, child_type, _follow(child_name, parent_urn, old_parent)
            )
            for old_parent in parent_aliases.get(parent_urn, ())
        ]

    for alias in declared:
        if alias.urn is not None:
            found.append(alias.urn)
            continue
        alias_parent = "" if alias.no_parent else alias.parent or parent
        alias_name, alias_type = alias.name or name, alias.type or type_
        found.append(
            make_urn(
                alias.stack or stack,
                alias.project or project,
                alias_parent,
                alias_type,
                alias_name,
            )
        )
        found += below(alias_parent, alias_name, alias_type)
    found += below(parent, name, type_)
    return tuple(urn for urn in dict.fromkeys(found) if urn != own)


def _follow(name: str, parent: str, old_parent: str) -> str:
    prefix = Urn.parse(parent).name
    return (
        Urn.parse(old_parent).name + name.removeprefix(prefix) if name.startswith(prefix) else name
    )
