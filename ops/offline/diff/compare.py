"""Finds what differs between two recordings, and what follows from it.

A recording holds placeholders, so a value that only AWS can give differs only when its origin was
renamed. That a resource will be replaced is therefore carried on to what was made from its outputs,
through the dependencies of each input.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ops.offline.diff.flatten import flatten, top_level
from ops.offline.diff.model import (
    KNOWN_LATER,
    Change,
    Comparison,
    Difference,
    Op,
    OutputChange,
)
from ops.offline.diff.rules import FORCE_NEW, NEW_VERSION_ON_UPDATE, PROTECTIONS
from ops.offline.engine.wire import MASK

Document = Mapping[str, Any]

_QUIET_OPTIONS = ("version", "additionalSecretOutputs")
"""Options that say nothing about the resource: the SDK's version and its own list of secrets."""

EMPTY: Document = {"resources": (), "outputs": {}, "diagnostics": ()}
"""The recording of a stack that does not exist."""


def compare(base: Document, head: Document, *, stack: str, names: tuple[str, str]) -> Comparison:
    """Compare two recordings of a stack.

    Args:
        base: `Recording.as_document` before.
        head: the same afterwards.
        stack: the stack's name.
        names: what to call the two.
    """
    before = {item["urn"]: item for item in base["resources"]}
    after = {item["urn"]: item for item in head["resources"]}
    pairs = _pair(before, after)
    renamed = _renaming(pairs)
    changes: dict[str, Change] = {}
    for urn in _by_dependency(after):
        old = pairs.get(urn)
        changes[urn] = (
            _created(after[urn]) if old is None else _changed(old, after[urn], renamed, changes)
        )
    kept = {old["urn"] for old in pairs.values()}
    changes.update({urn: _deleted(old) for urn, old in before.items() if urn not in kept})
    return Comparison(
        stack=stack,
        base=names[0],
        head=names[1],
        changes=tuple(changes[urn] for urn in sorted(changes) if changes[urn].op is not Op.SAME),
        outputs=_outputs(base["outputs"], head["outputs"], renamed),
        same=sum(change.op is Op.SAME for change in changes.values()),
        diagnostics=tuple(head["diagnostics"]),
    )


def _pair(before: Mapping[str, Document], after: Mapping[str, Document]) -> dict[str, Document]:
    """Return the resource that each new URN was, by URN or else by alias."""
    pairs = {urn: before[urn] for urn in after if urn in before}
    taken = set(pairs)
    for urn in sorted(after.keys() - pairs.keys()):
        old = [alias for alias in after[urn]["aliases"] if alias in before and alias not in taken]
        if old:
            pairs[urn] = before[old[0]]
            taken.add(old[0])
    return pairs


def _renaming(pairs: Mapping[str, Document]) -> dict[str, str]:
    """Placeholders of renamed resources: as the base writes them -> as the head does."""
    texts: dict[str, str] = {}
    for urn, old in pairs.items():
        name = urn.split("::", 3)[3]
        if old["name"] != name:
            kind = old["type"].rsplit(":", 1)[-1]
            texts["${" + f"{kind}.{old['name']}."] = "${" + f"{kind}.{name}."
            token = old["type"].split("/")[-1].split(":")[0]
            texts[f":{token}:{old['name']}"] = f":{token}:{name}"
    return texts


def _renamed(value: Any, renaming: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(value, str):
        return value
    for old, new in renaming.items():
        value = value.replace(old, new)
    return value


def _by_dependency(documents: Mapping[str, Document]) -> list[str]:
    """Return URNs, each after those it was made from."""
    order: list[str] = []
    state: dict[str, bool] = {}

    def visit(urn: str) -> None:
        if urn in state or urn not in documents:
            return
        state[urn] = True
        for dependency in documents[urn]["dependencies"]:
            visit(dependency)
        order.append(urn)

    for urn in sorted(documents):
        visit(urn)
    return order


def _created(document: Document) -> Change:
    if document["read"]:
        op = Op.READ
    else:
        op = Op.IMPORT if document["options"].get("importId") else Op.CREATE
    return Change(op=op, urn=document["urn"], before=None, after=document)


def _deleted(document: Document) -> Change:
    label = _label(document)
    options = document["options"]
    alarms = []
    if document["read"] or not document["custom"]:
        return Change(op=Op.DELETE, urn=document["urn"], before=document, after=None)
    if options.get("retainOnDelete"):
        return Change(
            op=Op.DISCARD,
            urn=document["urn"],
            before=document,
            after=None,
            alarms=(f"{label} leaves the program but stays in AWS, unmanaged",),
        )
    alarms.append(f"{label} would be DELETED")
    if options.get("protect"):
        alarms.append(f"{label} is protected: `pulumi up` would refuse to delete it")
    return Change(
        op=Op.DELETE, urn=document["urn"], before=document, after=None, alarms=tuple(alarms)
    )


def _changed(
    old: Document, new: Document, renaming: Mapping[str, str], settled: Mapping[str, Change]
) -> Change:
    found = _differences(old, new, renaming)
    found += _following(new, {top_level(difference.path) for difference in found}, settled)
    ignored = _ignored_paths(new)
    seen = tuple(item for item in found if not _is_ignored(item.path, ignored))
    unseen = tuple(item for item in found if _is_ignored(item.path, ignored))
    replacing = _replacing(new)
    marked = tuple(
        Difference(
            path=item.path,
            before=item.before,
            after=item.after,
            forces_replacement=top_level(item.path) in replacing,
            because=item.because,
        )
        for item in seen
    )
    options = _options(old, new)
    op = _operation(marked, unseen, options, renamed=old["urn"] != new["urn"])
    return Change(
        op=op,
        urn=new["urn"],
        before=old,
        after=new,
        differences=marked,
        ignored=unseen,
        options=options,
        alarms=tuple(_alarms(op, old, new, marked)),
    )


def _differences(old: Document, new: Document, renaming: Mapping[str, str]) -> list[Difference]:
    before = {path: _renamed(value, renaming) for path, value in flatten(old["inputs"]).items()}
    after = flatten(new["inputs"])
    return [
        Difference(path=path, before=before.get(path), after=_veiled(before, after, path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _veiled(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the new value, unless it was a secret: the alarm says that it is none any more."""
    was_secret = before.get(path) == MASK and path in after
    return "[no longer secret]" if was_secret else after.get(path)


def _following(new: Document, already: set[str], settled: Mapping[str, Change]) -> list[Difference]:
    """Return inputs made from outputs that will be others: of a replacement, a new version."""
    found = []
    for key, urns in sorted(new["propertyDependencies"].items()):
        for urn in urns:
            origin = settled.get(urn)
            if origin is None or key in already or key not in new["inputs"]:
                continue
            if _changes_outputs(origin):
                found.append(
                    Difference(
                        path=key,
                        before=new["inputs"][key],
                        after=KNOWN_LATER,
                        because=_label(origin.document),
                    )
                )
                break
    return found


def _changes_outputs(origin: Change) -> bool:
    if origin.op is Op.REPLACE:
        return True
    return origin.op is Op.UPDATE and origin.type in NEW_VERSION_ON_UPDATE


def _ignored_paths(document: Document) -> tuple[str, ...]:
    return tuple(document["options"].get("ignoreChanges", ()))


def _is_ignored(path: str, ignored: Iterable[str]) -> bool:
    return any(
        path == entry or path.startswith((f"{entry}.", f"{entry}[")) or entry == "*"
        for entry in ignored
    )


def _replacing(document: Document) -> set[str]:
    declared = {top_level(path) for path in document["options"].get("replaceOnChanges", ())}
    return declared | set(FORCE_NEW.get(document["type"], ()))


def _options(old: Document, new: Document) -> dict[str, tuple[Any, Any]]:
    before, after = old["options"], new["options"]
    found = {
        key: (before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if key not in _QUIET_OPTIONS and before.get(key) != after.get(key)
    }
    if set(old["secretInputs"]) != set(new["secretInputs"]):
        found["secrets"] = (old["secretInputs"], new["secretInputs"])
    return found


def _operation(
    differences: tuple[Difference, ...],
    ignored: tuple[Difference, ...],
    options: Mapping[str, object],
    *,
    renamed: bool,
) -> Op:
    if any(item.forces_replacement for item in differences):
        return Op.REPLACE
    if differences:
        return Op.UPDATE
    if options or renamed:
        return Op.OPTIONS
    return Op.IGNORED if ignored else Op.SAME


def _alarms(
    op: Op, old: Document, new: Document, differences: tuple[Difference, ...]
) -> Iterable[str]:
    label = _label(new)
    if op is Op.REPLACE:
        causes = ", ".join(item.path for item in differences if item.forces_replacement)
        yield f"{label} would be REPLACED, because of {causes}"
        if new["options"].get("protect"):
            yield f"{label} is protected: `pulumi up` would refuse to replace it"
    if old["options"].get("protect") and not new["options"].get("protect"):
        yield f"{label} LOSES ITS PROTECTION from deletion by Pulumi"
    for item in differences:
        safe = PROTECTIONS.get((new["type"], item.path))
        if safe is not None and _is(item.before, safe) and not _is(item.after, safe):
            values = f"{_json(item.before)} -> {_json(item.after)}"
            yield f"{label} LOSES A PROTECTION: {item.path} {values}"
    if op is Op.UPDATE and new["type"] not in FORCE_NEW:
        yield f"{label}: whether this REPLACES it is not known here; add the type to FORCE_NEW"
    present = flatten(new["inputs"])
    for path in sorted(set(old["secretInputs"]) - set(new["secretInputs"])):
        if any(key == path or key.startswith((f"{path}.", f"{path}[")) for key in present):
            yield f"{label}: {path} IS NO LONGER A SECRET and would stand in the state in clear"


def _is(value: object, safe: bool) -> bool:
    """Return whether an input has the value that protects; a flag that is not given is false."""
    return bool(value) is safe


def _outputs(
    before: Document, after: Document, renaming: Mapping[str, str]
) -> tuple[OutputChange, ...]:
    old = {path: _renamed(value, renaming) for path, value in flatten(before).items()}
    new = flatten(after)
    return tuple(
        OutputChange(name=name, before=old.get(name), after=new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _label(document: Document) -> str:
    return f"{document['type'].rsplit(':', 1)[-1]} {document['name']}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
