"""Types that one call creates, written as rows of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import (
    CreateRequest,
    CreateResult,
    handles,
    outputs_from,
    tag_specifications,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A call after the creation, for inputs that the creation does not take.

    Attributes:
        operation: the call, in the row's service.
        takes: input -> dotted parameter. Without any of these inputs there is no call.
        on: the parameter that names the new resource.
        by: what it gets, a template like an output's.
        each: one call an input, where AWS takes one at a time.
    """

    operation: str
    takes: Mapping[str, str]
    on: str
    by: str = "{id}"
    each: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one type is created.

    Attributes:
        service: boto3's name.
        operation: the call, by its Python name.
        id: a dotted path in the answer; or, beginning with `=`, a template of inputs and outputs.
        named: the input that Pulumi names when the program does not.
        longest: characters that name may have.
        tagged: EC2's resource type in `TagSpecifications`; empty where `tags` is a plain parameter.
        renames: see `mapper.map_inputs`.
        fixed: parameters that the type implies.
        ignored: inputs that steer the provider, not AWS.
        steps: calls after the creation.
        outputs: output -> template of inputs, outputs, `{id}`, `{region}` and `{account}`.
    """

    service: str
    operation: str
    id: str
    named: str = ""
    longest: int = 255
    tagged: str = ""
    renames: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, request: CreateRequest) -> CreateResult:
        """Create one resource."""
        if self.named:
            request.physical_name(self.named, self.longest)
        known = dict(request.inputs)
        request.ignore(*self.ignored)
        held = {key: request.take(key) for step in self.steps for key in step.takes}
        tags = request.take("tags") if self.tagged else None
        parameters = request.parameters(self.service, self.operation, self.renames)
        parameters.update(self.fixed)
        if tags:
            parameters["TagSpecifications"] = tag_specifications(self.tagged, tags)
        answer = request.call(self.service, self.operation, **parameters)
        root, identity = self._root_and_id(answer)
        outputs = outputs_from(request.resource.type, root, known)
        if self.named:
            outputs[self.named] = known[self.named]
        answered = {key[0].lower() + key[1:]: value for key, value in root.items()}
        place = {"region": request.region, "account": request.account}
        scope = _Scope({**answered, **known, **outputs, **place})
        if self.id.startswith("="):
            identity = self.id[1:].format_map(scope)
        scope["id"] = identity
        for key, template in self.outputs.items():
            outputs[key] = scope[key] = template.format_map(scope)
        for step in self.steps:
            _run(step, self.service, request, held, step.by.format_map(scope))
        return CreateResult(id=identity, outputs=outputs)

    def _root_and_id(self, answer: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        if self.id.startswith("="):
            nested = [value for value in answer.values() if isinstance(value, dict)]
            return (nested[0] if len(nested) == 1 else answer), ""
        root: Mapping[str, Any] = answer
        node: Any = answer
        for part in self.id.split("."):
            if isinstance(node, Mapping):
                root = node
            node = node[int(part)] if part.isdigit() else node[part]
        return root, str(node)


class _Scope(dict[str, Any]):
    """Template values; a name that is missing is a mistake in the table and says so."""

    def __missing__(self, key: str) -> str:
        raise OfflineError(f"{{{key}}} is no input, answer or output; known: {', '.join(self)}")


def _run(
    step: Step, service: str, request: CreateRequest, held: Mapping[str, Any], identity: str
) -> None:
    given = {key: held[key] for key in step.takes if held.get(key) is not None}
    groups = [{key: value} for key, value in given.items()] if step.each else [given]
    for group in groups:
        if not group:
            continue
        mapped = request.map(service, step.operation, group, step.takes)
        request.call(service, step.operation, **{step.on: identity}, **mapped.parameters)


def add(rows: Mapping[str, Row]) -> None:
    """Register the rows of one table."""
    for token, row in rows.items():
        handles(token)(row)
