"""Whether identity policies allow a request: the few rules of IAM that policies here rely on.

After https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: a
statement counts where action, resource and every condition match; one Deny refuses, one Allow is
needed. What it does not know (NotAction, other operators) is an error, so that no policy is judged
by half.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]
Context: TypeAlias = Mapping[str, str]


def documents(texts: Iterable[str]) -> list[Document]:
    """Read policies."""
    return [json.loads(text) for text in texts]


def statements_of(policies: Iterable[Document]) -> list[Document]:
    """Return every statement."""
    return [statement for document in policies for statement in document["Statement"]]


def allowed(
    policies: Iterable[Document], action: str, resource: str, context: Context | None = None
) -> bool:
    """Say whether the policies allow an action on one resource."""
    effects = {
        statement["Effect"]
        for statement in statements_of(policies)
        if _applies(statement, action, resource, context or {})
    }
    return effects == {"Allow"}


def _applies(statement: Document, action: str, resource: str, context: Context) -> bool:
    known = {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown := statement.keys() - known:
        raise ValueError(f"{statement.get('Sid')}: {sorted(unknown)} is not known here")
    return (
        any(_like(one.lower(), action.lower()) for one in _many(statement["Action"]))
        and any(_like(one, resource) for one in _many(statement["Resource"]))
        and all(
            _holds(operator, key, _many(wanted), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _many(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _holds(operator: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    if operator == "Null":
        return (key not in context) == (wanted == ["true"])
    given = context.get(key)
    if given is None:
        return False
    # Each request here has one tag key, so that of all values is that of the one.
    if operator in {"StringEquals", "ForAllValues:StringEquals"}:
        return given in wanted
    if operator in {"StringLike", "ArnLike"}:
        return any(_like(one, given) for one in wanted)
    raise ValueError(f"{operator} is not known here")


def _like(pattern: str, text: str) -> bool:
    parts = (
        ".*" if part == "*" else "." if part == "?" else re.escape(part)
        for part in re.split(r"([*?])", pattern)
    )
    return re.fullmatch("".join(parts), text, flags=re.DOTALL) is not None
