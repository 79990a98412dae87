"""Read, update and delete: one function each, whatever the type."""

from collections.abc import Mapping
from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.provider.lifecycle.deletes import DELETES
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Live
from ops.offline.provider.lifecycle.reads import READS
from ops.offline.provider.lifecycle.steering import STEERING
from ops.offline.provider.lifecycle.tagging import TAGGING, write_tags
from ops.offline.provider.lifecycle.updates import EVERY, UPDATES


def read(existing: Existing) -> Live | None:
    """Return a resource as AWS has it; None when it is gone.

    Raises:
        OfflineError: AWS does not say, or nothing reads this type.
    """
    handler = READS.get(existing.resource.type)
    if handler is None:
        raise OfflineError(_missing(existing, "reads", "reads"))
    return handler(existing)


def update(existing: Existing, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change a resource in place; nothing is called where an input has changed that none changes.

    Args:
        existing: the resource as it was.
        inputs: what it is to be, whole; a key that is missing is to be taken back.

    Returns:
        The whole new state.

    Raises:
        OfflineError: AWS refuses, or no call here changes an input; names all such inputs.
    """
    token = existing.resource.type
    old = existing.inputs
    changed = {
        key for key in {**old, **inputs} if key != "region" and old.get(key) != inputs.get(key)
    }
    pending = changed - set(STEERING.get(token, ()))
    steps = UPDATES.get(token, [])
    retagged = "tags" in pending and token in TAGGING
    if retagged:
        pending.discard("tags")
    known = frozenset().union(*(step.keys for step in steps))
    unknown = set() if EVERY in known else pending - known
    if unknown:
        raise OfflineError(
            f"{', '.join(sorted(unknown))}: no call here changes this of {token} in place;"
            " add a step below ops/offline/provider/lifecycle/updates"
        )
    if retagged:
        write_tags(existing, inputs.get("tags") or {})
    made: dict[str, Any] = {}
    for step in steps:
        if pending and (EVERY in step.keys or pending & step.keys):
            made.update(step.run(existing, inputs) or {})
    kept = {key: value for key, value in existing.outputs.items() if key not in old}
    outputs = {**kept, **inputs, **made}
    if "tagsAll" in existing.outputs and token in TAGGING:
        outputs["tagsAll"] = dict(inputs.get("tags") or {})
    return outputs


def delete(existing: Existing) -> None:
    """Delete a resource as the provider does; one that is gone already is deleted.

    Raises:
        OfflineError: AWS refuses (its code is in the message), or nothing deletes this type.
    """
    handler = DELETES.get(existing.resource.type)
    if handler is None:
        raise OfflineError(_missing(existing, "deletes", "deletes"))
    handler(existing)


def _missing(existing: Existing, does: str, package: str) -> str:
    return (
        f"nothing {does} the type {existing.resource.type};"
        f" add a row or a function below ops/offline/provider/lifecycle/{package}"
    )
