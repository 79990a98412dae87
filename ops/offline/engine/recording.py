"""What one run registered: resources, outputs and look-ups, and a dump that never varies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.offline.engine import wire
from ops.offline.engine.wire import PropertyPath
from ops.offline.errors import OfflineError

STACK_TYPE = "pulumi:pulumi:Stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One registration, as the engine would have received it.

    Attributes:
        urn: with the whole chain of parent types, as the engine writes it.
        type: the type token, for example `aws:ec2/vpc:Vpc`.
        parent: the parent's URN; empty for the stack itself.
        custom: true for a provider's resource, false for a component.
        read: true for `.get()`: something that exists already.
        import_id: the id that is read or imported, or empty.
        inputs: plain Python; secrets unwrapped, unknown values `wire.UNKNOWN`.
        secret_inputs: the paths in `inputs` that were secret.
        dependencies: URNs, sorted.
        property_dependencies: per input, the URNs it was made from, sorted.
        provider: the URN of the provider, or empty for the default one.
        options: the resource options that were set, under the engine's names.
        alias_urns: every URN this resource may have had before, those inherited from its parents
            included.
        source: `file:line` of the constructor's call, the file relative to the project; None
            outside the project.
    """

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    read: bool = False
    import_id: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    secret_inputs: frozenset[PropertyPath] = frozenset()
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    alias_urns: tuple[str, ...] = ()
    source: str | None = None

    @property
    def label(self) -> str:
        """The type's last part and the name: how an error speaks of this resource."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name}"

    def input_is_secret(self, key: str) -> bool:
        """Return whether the input, or anything inside it, is a secret."""
        return any(path[0] == key for path in self.secret_inputs)

    @property
    def masked_inputs(self) -> Mapping[str, Any]:
        """The inputs with every secret masked: what may be shown."""
        return {
            key: wire.masked(value, self.secret_inputs, (key,))
            for key, value in self.inputs.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a registration was answered with.

    Attributes:
        id: the physical id; empty while unknown.
        outputs: plain Python.
        secret_outputs: the top-level outputs that are secret.
    """

    id: str
    outputs: Mapping[str, Any]
    secret_outputs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoke:
    """One look-up (`aws.get_region()` and the like)."""

    token: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message of the program (`pulumi.log`, `pulumi.warn`)."""

    severity: str
    message: str
    urn: str = ""


@dataclass(slots=True, kw_only=True)
class Recording:
    """Everything one run told the engine.

    Attributes:
        project: the project's name.
        stack: the stack's name.
        preview: whether the run was a preview, in which a resource's own outputs are unknown.
        resources: by URN, the stack and components included, in the order of registration.
        states: what each registration was answered with, by URN.
        outputs: the stack's outputs, plain.
        secret_outputs: the paths among them that are secret.
        component_outputs: what each component registered, by its URN.
        invokes: every look-up.
        diagnostics: every message.
    """

    project: str
    stack: str
    preview: bool
    resources: dict[str, Resource] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[PropertyPath] = frozenset()
    component_outputs: dict[str, wire.Decoded] = field(default_factory=dict)
    invokes: list[Invoke] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def of_type(self, token: str) -> tuple[Resource, ...]:
        """Return the resources of one type, sorted by name."""
        return tuple(
            sorted(
                (resource for resource in self.resources.values() if resource.type == token),
                key=lambda resource: resource.name,
            )
        )

    def one(self, token: str, name: str | None = None) -> Resource:
        """Return the single resource of a type, or of a type and a name.

        Raises:
            OfflineError: there is none, or more than one; the message lists the names.
        """
        found = [
            resource for resource in self.of_type(token) if name is None or resource.name == name
        ]
        if len(found) != 1:
            names = ", ".join(resource.name for resource in self.of_type(token)) or "none"
            wanted = f"{token} {name}" if name else token
            raise OfflineError(f"{wanted}: {len(found)} registered; names of that type: {names}")
        return found[0]

    def children(self, urn: str) -> tuple[Resource, ...]:
        """Return the direct children of a resource, sorted by URN."""
        return tuple(
            self.resources[key]
            for key in sorted(self.resources)
            if self.resources[key].parent == urn
        )

    @property
    def masked_outputs(self) -> dict[str, Any]:
        """The stack's outputs with every secret masked."""
        return {
            key: wire.masked(value, self.secret_outputs, (key,))
            for key, value in self.outputs.items()
        }

    def as_document(self) -> dict[str, Any]:
        """Return the recording as plain data without secrets."""
        return {
            "project": self.project,
            "stack": self.stack,
            "resources": [
                _as_document(self.resources[urn])
                for urn in sorted(self.resources)
                if self.resources[urn].type != STACK_TYPE
            ],
            "outputs": self.masked_outputs,
            "diagnostics": [
                {"severity": item.severity, "message": item.message, "urn": item.urn}
                for item in self.diagnostics
            ],
        }

    def dump(self) -> str:
        """Return JSON with sorted keys; two runs of one program write the same bytes."""
        return json.dumps(self.as_document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _as_document(resource: Resource) -> dict[str, Any]:
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "parent": resource.parent,
        "custom": resource.custom,
        "read": resource.read,
        "provider": resource.provider,
        "inputs": resource.masked_inputs,
        "secretInputs": sorted({wire.dotted(path) for path in resource.secret_inputs}),
        "dependencies": list(resource.dependencies),
        "propertyDependencies": {
            key: list(urns) for key, urns in resource.property_dependencies.items()
        },
        "options": dict(resource.options),
        "aliases": list(resource.alias_urns),
        "source": resource.source,
    }
