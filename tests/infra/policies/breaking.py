"""Copies of recorded runs, and the ways to break them that the tables of cases are written in."""

import functools
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pulumi_policy import Policy

from infra.policies.engine.judging import Finding, judge
from infra.policies.engine.recorded import read
from infra.policies.engine.user_data import unpack
from infra.policies.pack import policies
from tests.infra.building import stack as recorded

Document = dict[str, Any]
Change = Callable[[Document], None]

BY_NAME: dict[str, Policy] = {policy.name: policy for policy in policies(())}
"""The pack's policies as Pulumi gets them, but without exemptions."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to lose a property.

    Attributes:
        policy: Name of the policy that has to object.
        blamed: Type and name of the resource it has to object to, such as `Key data`; the name
            without `perch-<stack>-`, empty for the one that is named so.
        broken: What is changed.
        mended: What is changed before, where the stack has an exemption.
        stack: The stack whose recorded resources are copied.
        why: What is lost, where the policy's name does not say it.
    """

    policy: str
    blamed: str
    broken: tuple[Change, ...]
    mended: tuple[Change, ...]
    stack: str
    why: str

    def __str__(self) -> str:
        """The id of the test."""
        return f"{self.policy}: {self.why}" if self.why else self.policy


def case(
    policy: str,
    blamed: str,
    *broken: Change,
    mended: tuple[Change, ...] = (),
    stack: str = "prod",
    why: str = "",
) -> Case:
    """A case, as the tables write it."""
    return Case(policy=policy, blamed=blamed, broken=broken, mended=mended, stack=stack, why=why)


@functools.cache
def _written(name: str, preview: bool) -> str:
    return recorded(name, preview=preview).dump()


def copy_of(name: str, *, preview: bool = False) -> Document:
    """A recorded run that may be changed."""
    document: Document = json.loads(_written(name, preview))
    return document


@functools.cache
def blamed_already(name: str) -> frozenset[tuple[str, str]]:
    """Policy and URN of all that a stack has an exemption for."""
    return frozenset((finding.policy, finding.urn) for finding in run(copy_of(name)))


def run(document: Document, *names: str) -> list[Finding]:
    """What the named policies, or all of them, say without any exemption."""
    chosen = [BY_NAME[name] for name in names] or list(BY_NAME.values())
    return judge(chosen, read(document))


def find(document: Document, label: str) -> Document:
    """The resource of a label such as `Key data`."""
    kind, _, name = label.partition(" ")
    full = "-".join(filter(None, ("perch", document["stack"], name)))
    [found] = [
        one
        for one in document["resources"]
        if one["name"] == full and one["type"].rpartition(":")[2] == kind and one["custom"]
    ]
    resource: Document = found
    return resource


def put(label: str, path: str, value: object) -> Change:
    """Set an input; the path's parts are keys and places in lists."""

    def change(document: Document) -> None:
        *way, last = path.split(".")
        where: Any = find(document, label)["inputs"]
        for part in way:
            where = where[int(part)] if isinstance(where, list) else where.setdefault(part, {})
        where[int(last) if isinstance(where, list) else last] = value

    return change


def drop(label: str, path: str) -> Change:
    """Leave an input out."""

    def change(document: Document) -> None:
        *way, last = path.split(".")
        where: Any = find(document, label)["inputs"]
        for part in way:
            where = where[int(part)] if isinstance(where, list) else where[part]
        del where[int(last) if isinstance(where, list) else last]

    return change


def option(label: str, key: str, value: object) -> Change:
    """Set a resource option."""

    def change(document: Document) -> None:
        find(document, label)["options"][key] = value

    return change


def unguarded() -> Change:
    """Take the protection from what `pulumi destroy` meets first."""

    def change(document: Document) -> None:
        [guard] = [
            one for one in document["resources"] if one["type"] == "perch:infra:DeletionGuard"
        ]
        guard["options"]["protect"] = False

    return change


def remove(label: str) -> Change:
    """Leave a resource out of the program."""

    def change(document: Document) -> None:
        document["resources"].remove(find(document, label))

    return change


def add(label: str, kind: str, links: dict[str, str] | None = None, **inputs: object) -> Change:
    """Put a resource into the program.

    Args:
        label: As in `find`.
        kind: Its whole type.
        links: Input -> label of the resource that it refers to.
        inputs: Its other inputs.
    """

    def change(document: Document) -> None:
        name = "-".join(filter(None, ("perch", document["stack"], label.partition(" ")[2])))
        referred = {key: find(document, other)["urn"] for key, other in (links or {}).items()}
        document["resources"].append(
            {
                "urn": f"urn:pulumi:{document['stack']}::perch::{kind}::{name}",
                "type": kind,
                "name": name,
                "parent": "",
                "custom": True,
                "inputs": {**dict.fromkeys(referred, "${id}"), **inputs},
                "dependencies": sorted(referred.values()),
                "propertyDependencies": {key: [urn] for key, urn in referred.items()},
                "options": {},
            }
        )

    return change


def link(label: str, key: str, *others: str) -> Change:
    """Make an input refer to other resources than it did."""

    def change(document: Document) -> None:
        resource = find(document, label)
        urns = [find(document, other)["urn"] for other in others]
        former = resource["propertyDependencies"].get(key, [])
        kept = [urn for urn in resource["dependencies"] if urn not in former]
        resource["propertyDependencies"][key] = urns
        resource["dependencies"] = sorted({*kept, *urns})

    return change


def statement(label: str, /, key: str = "policy", **fields: object) -> Change:
    """Add a statement to a policy document; it allows unless it says otherwise."""

    def change(document: Document) -> None:
        inputs = find(document, label)["inputs"]
        policy = json.loads(inputs[key])
        policy["Statement"].append({"Sid": "Added", "Effect": "Allow", **fields})
        inputs[key] = json.dumps(policy)

    return change


def without_statement(label: str, sid: str) -> Change:
    """Take a statement out of a policy document."""

    def change(document: Document) -> None:
        inputs = find(document, label)["inputs"]
        policy = json.loads(inputs["policy"])
        policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]
        inputs["policy"] = json.dumps(policy)

    return change


def user_data(label: str, old: str, new: str) -> Change:
    """Replace text in what a machine is told; empty `old` appends."""

    def change(document: Document) -> None:
        inputs = find(document, label)["inputs"]
        text = unpack(inputs["userData"])
        assert old in text
        text = text.replace(old, new) if old else text + new
        inputs["userData"] = b64encode(text.encode()).decode()

    return change
