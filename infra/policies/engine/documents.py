"""IAM and resource policy documents, read into one shape."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        label: Its Sid, or its place in the document.
        allows: Allow, rather than Deny.
        actions: Actions, or ("*",) where it says NotAction: all but a few is as good as all.
        resources: ARNs, or ("*",) where it says NotResource.
        principals: Who: ARNs, account numbers, services, federations.
        services: Those principals that are AWS services.
        conditions: Operator -> {key: values}.
    """

    label: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    services: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]


def statements(document: object) -> tuple[Statement, ...]:
    """Return the statements of a document in JSON, or of one already read.

    Raises:
        ValueError: it is no policy document; the message says what it is instead.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError as error:
            raise ValueError(f"the policy document is not JSON: {error}") from None
    if not isinstance(document, Mapping) or "Statement" not in document:
        raise ValueError("the policy document has no Statement")
    found = document["Statement"]
    items = [found] if isinstance(found, Mapping) else list(found)
    return tuple(_read(item, place) for place, item in enumerate(items))


def allowed(document: object) -> Iterator[Statement]:
    """Yield the statements of a document that allow something."""
    return (statement for statement in statements(document) if statement.allows)


def _read(item: Mapping[str, Any], place: int) -> Statement:
    principal = item.get("Principal", {})
    if "NotPrincipal" in item or principal == "*":
        principal = {"AWS": "*"}
    return Statement(
        label=str(item.get("Sid") or f"statement {place + 1}"),
        allows=item.get("Effect") != "Deny",
        actions=("*",) if "NotAction" in item else _texts(item.get("Action")),
        resources=("*",) if "NotResource" in item else _texts(item.get("Resource")),
        principals=tuple(one for kind in principal for one in _texts(principal[kind])),
        services=_texts(principal.get("Service")),
        conditions=item.get("Condition", {}),
    )


def _texts(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence):
        return tuple(str(one) for one in value)
    raise ValueError(f"{value!r} stands where a policy document has text or a list of texts")
