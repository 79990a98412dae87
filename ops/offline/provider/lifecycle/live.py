"""What a read finds, and how one type is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ops.offline.provider.lifecycle.alignment import Defaults, settle
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.shaping import shaped
from ops.offline.provider.lifecycle.tagging import read_tags

More: TypeAlias = Callable[[Existing, Mapping[str, Any]], Mapping[str, Any] | None]
"""From the resource and the answer: inputs that another call or form tells; None when it is gone.
An input that is None there is gone."""

Find: TypeAlias = Callable[[Existing, Mapping[str, Any]], Mapping[str, Any] | None]
"""From the resource and the whole answer: the resource in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A resource as AWS has it.

    Attributes:
        inputs: in the shape in which the program gives them; what means the same stands in the
            words that were given.
        outputs: the whole state.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one type is read.

    Attributes:
        service: boto3's name; empty where nothing is to be read.
        operation: the describing call, by its Python name.
        parameters: templates; see `Existing.place`.
        at: dotted path of the resource in the answer; parts are keys, or indices of lists.
        find: in place of `at`, where a path does not say it; None when it is gone.
        renames: see `shaping.shaped`.
        untold: inputs that steer the provider alone, or that AWS (or moto) never tells again: they
            stay as they were given.
        defaults: what AWS puts where the program gave nothing; see `alignment.Defaults`.
        more: what another call tells.
        outputs: output -> member of the resource in the answer, for what changes by itself.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    at: str = ""
    find: Find | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
    defaults: Defaults = field(default_factory=dict)
    more: More | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, existing: Existing) -> Live | None:
        """Read one resource; None when it is gone."""
        answer = existing.ask(self.service, self.operation, **existing.place(self.parameters))
        if answer is None:
            return None
        found = walk(answer, self.at) if self.find is None else self.find(existing, answer)
        if found is None:
            return None
        live = shaped(existing.resource.type, found, self.renames)
        if self.more is not None:
            told = self.more(existing, found)
            if told is None:
                return None
            live.update(told)
        computed = {key: found[name] for key, name in self.outputs.items() if name in found}
        return self.live(existing, live, computed)

    def live(
        self,
        existing: Existing,
        live: Mapping[str, Any],
        computed: Mapping[str, Any] | None = None,
    ) -> Live:
        """Return what was found, in the words that were given.

        Args:
            existing: the resource.
            live: what AWS tells, in the inputs' shape.
            computed: outputs that are no inputs.
        """
        tags = read_tags(existing)
        if tags is not None:
            live = {**live, "tags": tags or None}
        told = {
            key: value
            for key, value in live.items()
            if value is not None and key not in self.untold
        }
        given = {key: value for key, value in existing.inputs.items() if key != "region"}
        asked = {key: value for key, value in given.items() if key not in self.untold}
        settled = settle(asked, told, self.defaults)
        inputs = {
            key: existing.inputs[key]
            for key in existing.inputs
            if key == "region" or key in self.untold
        }
        inputs.update(settled)
        kept = {key: value for key, value in existing.outputs.items() if key not in existing.inputs}
        outputs = {**kept, **inputs, **(computed or {})}
        if tags is not None and "tagsAll" in existing.outputs:
            outputs["tagsAll"] = tags
        return Live(inputs=inputs, outputs=outputs)


def walk(answer: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return what stands at a dotted path; None where nothing does."""
    node = answer
    for part in path.split(".") if path else ():
        if isinstance(node, list):
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = (node or {}).get(part)
    return node
