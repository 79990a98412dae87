"""One resource on its way to being real: its inputs, the calls it needs, and its outputs."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from botocore.model import StructureShape

from ops.offline.engine import sdk
from ops.offline.engine.recording import Resource
from ops.offline.errors import OfflineError
from ops.offline.provider import mapper
from ops.offline.provider.api import AwsApi


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResult:
    """What a handler hands back.

    Attributes:
        id: the physical id, as the provider would give it.
        outputs: beyond the echoed inputs.
        unsupported: why the resource exists on paper only; None where it was really created.
    """

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    unsupported: str | None = None


@dataclass(slots=True, kw_only=True)
class CreateRequest:
    """What a handler works with.

    Attributes:
        resource: the registration.
        region: where to create it.
        account: in which account.
        api: the calls.
        inputs: what is not yet used; a handler takes from it, and what is left at the end is an
            error.
    """

    resource: Resource
    region: str
    account: str
    api: AwsApi
    inputs: dict[str, Any]

    def take(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - inputs are JSON
        """Use up an input."""
        return self.inputs.pop(key, default)

    def ignore(self, *keys: str) -> None:
        """Use up inputs that steer the provider (waiting, deleting) and reach no call."""
        for key in keys:
            self.inputs.pop(key, None)

    def suffix(self, length: int = 7) -> str:
        """Return the digits behind a generated name: random as Pulumi's, but the same each run."""
        return hashlib.sha256(self.resource.urn.encode()).hexdigest()[:length]

    def physical_name(self, key: str = "name", longest: int = 255) -> str:
        """Return the given name, or the one that Pulumi's autonaming would make; kept under `key`.

        Raises:
            OfflineError: the name is longer than the service takes.
        """
        prefix = self.inputs.pop(f"{key}Prefix", None)
        name = self.inputs.get(key)
        if name is None:
            tail = self.suffix()
            name = f"{prefix}{tail}" if prefix else f"{self.resource.name}-{tail}"
        if len(name) > longest:
            raise OfflineError(f"{key}: {name!r} has {len(name)} characters; at most {longest}")
        self.inputs[key] = name
        return str(name)

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3's
        """Make one checked call in the resource's region."""
        return self.api.call(service, operation, self.region, parameters)

    def map(
        self,
        service: str,
        operation: str,
        inputs: Mapping[str, Any],
        renames: Mapping[str, str] | None = None,
    ) -> mapper.Mapped:
        """Place inputs into a call's parameters."""
        shape = self.api.operation(service, operation, self.region).input_shape
        if not isinstance(shape, StructureShape):
            raise OfflineError(f"{service} {operation} takes no parameters")
        return mapper.map_inputs(shape, inputs, renames)

    def parameters(
        self, service: str, operation: str, renames: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Map every remaining input into a call.

        Raises:
            OfflineError: an input has no parameter there; nothing has been called yet.
        """
        mapped = self.map(service, operation, self.inputs, renames)
        if mapped.unplaced:
            raise OfflineError(
                f"{', '.join(mapped.unplaced)}: no parameter of {service} {operation}; add a rename"
                f" where {self.resource.type} is created, below ops/offline/provider/handlers"
            )
        self.inputs = {}
        return mapped.parameters

    def tagged_parameters(
        self, operation: str, kind: str, renames: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Map every remaining input into a call of EC2, with the tags where EC2 takes them.

        Args:
            operation: By its Python name.
            kind: EC2's resource type, as in `vpc`.
            renames: See `mapper.map_inputs`.

        Raises:
            OfflineError: As `parameters`.
        """
        tags = self.take("tags")
        parameters = self.parameters("ec2", operation, renames)
        if tags:
            parameters["TagSpecifications"] = tag_specifications(kind, tags)
        return parameters

    def arn(self, service: str, rest: str, *, regional: bool = True, account: bool = True) -> str:
        """Return an ARN of this account and region."""
        region = self.region if regional else ""
        return f"arn:aws:{service}:{region}:{self.account if account else ''}:{rest}"


CreateHandler: TypeAlias = Callable[[CreateRequest], CreateResult]

HANDLERS: dict[str, CreateHandler] = {}
"""By type token. Filled by the modules beside this one."""


def handles(token: str) -> Callable[[CreateHandler], CreateHandler]:
    """Register a handler for a type."""

    def register(handler: CreateHandler) -> CreateHandler:
        if token in HANDLERS:
            raise ValueError(f"{token} has two handlers")
        HANDLERS[token] = handler
        return handler

    return register


def tag_list(tags: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return tags as most services take them."""
    return [{"Key": key, "Value": str(tags[key])} for key in sorted(tags)]


def tag_specifications(kind: str, tags: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tags of a new resource as EC2 takes them."""
    return [{"ResourceType": kind, "Tags": tag_list(tags)}]


def outputs_from(token: str, answer: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return declared outputs that an answer holds under the same, or nearly the same, name.

    Only simple values and lists of them: a nested answer is shaped by the handler of its type.
    """
    found: dict[str, Any] = {}
    simple = {key: value for key, value in answer.items() if _is_simple(value)}
    for key in sdk.output_types(token):
        if key in given or key in {"tags", "tagsAll"}:
            continue
        name = _answer_name(simple, key)
        if name is not None:
            found[key] = simple[name]
    return found


def _answer_name(answer: Mapping[str, Any], key: str) -> str | None:
    plain = {name.lower().replace("_", ""): name for name in answer}
    if key.lower() in plain:
        return plain[key.lower()]
    if key == "arn":
        arns = [name for lower, name in plain.items() if lower.endswith("arn")]
        return arns[0] if len(arns) == 1 else None
    return None


def _is_simple(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str | int | float) for item in value)
    return isinstance(value, str | int | float)
