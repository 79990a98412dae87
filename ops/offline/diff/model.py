"""What a comparison finds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ops.cost.quota import QuotaUse
from ops.offline.diff.findings import PolicyReport
from ops.offline.diff.money import MonthlyCost
from ops.offline.diff.rules import FIXED_OUTPUTS


class Op(StrEnum):
    """What `pulumi up` would do with one resource; the words are Pulumi's where Pulumi has one."""

    CREATE = "create"
    IMPORT = "import"
    READ = "read"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    DISCARD = "discard"
    """Gone from the program, kept in AWS (retainOnDelete)."""
    OPTIONS = "options"
    """Only the engine's own record changes: protection, ignored changes, the resource's name."""
    IGNORED = "ignored"
    """Only inputs changed that the program tells the engine to ignore."""
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One input that differs.

    Attributes:
        path: dotted, into JSON texts too.
        before: None where there was none.
        after: None where there is none; `KNOWN_LATER` where only AWS will know.
        forces_replacement: whether this one makes a new resource.
        because: the resource from whose change this one follows; empty for a change of the
            program's.
    """

    path: str
    before: Any
    after: Any
    forces_replacement: bool = False
    because: str = ""

    @property
    def kind(self) -> str:
        """Pulumi's word in `detailedDiff`."""
        kind = "add" if self.before is None else "delete" if self.after is None else "update"
        return f"{kind}-replace" if self.forces_replacement else kind


KNOWN_LATER = "[known after apply]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that is not the same.

    Attributes:
        op: what happens to it.
        urn: its URN, the new one where it was renamed.
        before: its document at the base; None when it is new.
        after: its document now; None when it is gone.
        differences: its inputs that differ.
        ignored: inputs that differ and are ignored.
        options: options that differ: name -> (before, after).
        alarms: sentences that must not be overlooked.
    """

    op: Op
    urn: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    differences: tuple[Difference, ...] = ()
    ignored: tuple[Difference, ...] = ()
    options: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """The resource as it is now, or as it last was."""
        return self.after or self.before or {}

    @property
    def name(self) -> str:
        """The resource's name."""
        return str(self.document["name"])

    @property
    def type(self) -> str:
        """The type token."""
        return str(self.document["type"])

    @property
    def source(self) -> str:
        """`file:line`; of the base for what is gone."""
        return str(self.document.get("source") or "")

    @property
    def renamed_from(self) -> str | None:
        """The old URN, when an alias leads back to it."""
        if self.before is None or self.after is None or self.before["urn"] == self.after["urn"]:
            return None
        return str(self.before["urn"])


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChange:
    """One stack output that differs; None where it is missing."""

    name: str
    before: Any
    after: Any

    @property
    def alarms(self) -> tuple[str, ...]:
        """What must not be overlooked: the program of a stack that exists refuses this."""
        if None in (self.before, self.after) or not FIXED_OUTPUTS.fullmatch(self.name):
            return ()
        step = f"was {json.dumps(self.before)} and would be {json.dumps(self.after)}"
        return (f"{self.name} {step}: `pulumi up` REFUSES what the stack was not made with",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The step from one recording to another.

    Attributes:
        stack: the stack's name.
        base: what the base is called: a revision.
        head: what is compared with it.
        changes: everything that is not the same, sorted by URN.
        outputs: stack outputs that differ.
        same: how many resources stay as they are.
        diagnostics: what the program said at the head.
        policies: what the policies say; None where nobody asked them.
        cost: what it costs a month; None where nobody asked.
        quotas: what its machines take of the account's quotas, at the base and at the head; None
            where nobody asked.
    """

    stack: str
    base: str
    head: str
    changes: tuple[Change, ...]
    outputs: tuple[OutputChange, ...]
    same: int
    diagnostics: tuple[Mapping[str, Any], ...] = ()
    policies: PolicyReport | None = None
    cost: MonthlyCost | None = None
    quotas: tuple[tuple[QuotaUse, ...], tuple[QuotaUse, ...]] | None = None

    @property
    def alarms(self) -> tuple[str, ...]:
        """Every sentence that must not be overlooked."""
        refused = tuple(alarm for output in self.outputs for alarm in output.alarms)
        return refused + tuple(alarm for change in self.changes for alarm in change.alarms)

    def count(self, op: Op) -> int:
        """Return how many changes of one kind."""
        return self.same if op is Op.SAME else sum(change.op is op for change in self.changes)
