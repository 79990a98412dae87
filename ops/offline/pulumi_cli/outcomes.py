"""What the engine did, or would do: read from its own events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation import EngineEvent
from pulumi.automation.events import StepEventMetadata

from ops.offline.engine.urns import Urn

SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a plan, or of its execution.

    Attributes:
        op: The engine's word: `create`, `update`, `replace`, `delete-replaced`, `refresh` ...
        urn: Of which resource.
        diffs: Property paths that differ, dotted.
        replaces: The inputs that make it a replacement.
        old: Inputs before; empty for what is new. Secrets are masked by the engine.
        new: Inputs after; empty for what goes.
    """

    op: str
    urn: str
    diffs: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    old: Mapping[str, Any] = field(default_factory=dict, repr=False)
    new: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def type(self) -> str:
        """The resource's type token."""
        return Urn.parse(self.urn).type

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return Urn.parse(self.urn).name

    @property
    def label(self) -> str:
        """The type's last part and the name: `LaunchTemplate perch-dev-blue`."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One command of the CLI, as its events tell it.

    Attributes:
        steps: In the order in which they began, those that change nothing included.
        failed: The resources whose step failed.
        messages: Warnings and errors, without colours.
        policies: What a policy pack found.
        printed: All that the CLI wrote.
        failure: Why it ended with an error; empty where it did not.
    """

    steps: tuple[Step, ...]
    failed: tuple[Step, ...]
    messages: tuple[str, ...]
    policies: tuple[str, ...]
    printed: str = field(repr=False)
    failure: str = ""

    @property
    def changing(self) -> tuple[Step, ...]:
        """The steps that change something; a refresh that found no difference is none."""
        return tuple(
            step for step in self.steps if step.op not in {SAME, "read", "refresh"} or step.diffs
        )

    @property
    def changes(self) -> dict[str, list[str]]:
        """Operation -> labels, sorted: what there is to be done."""
        found: dict[str, list[str]] = {}
        for step in self.changing:
            found.setdefault(step.op, []).append(step.label)
        return {op: sorted(labels) for op, labels in sorted(found.items())}

    @property
    def clean(self) -> bool:
        """Whether it went well and there was nothing to do."""
        return not self.failure and not self.changing

    def step(self, label: str) -> Step:
        """Return the one changing step of a resource.

        Raises:
            LookupError: There is none, or more than one.
        """
        found = [step for step in self.changing if step.label == label]
        if len(found) != 1:
            there = ", ".join(f"{step.op} {step.label}" for step in self.changing)
            raise LookupError(f"{label}: {len(found)} steps; changing are: {there or 'none'}")
        return found[0]


def read_events(events: Iterable[EngineEvent], *, printed: str, failure: str) -> Outcome:
    """Return what a command's events tell."""
    steps: list[Step] = []
    failed: list[Step] = []
    messages: list[str] = []
    policies: list[str] = []
    for event in events:
        if event.resource_pre_event is not None:
            steps.append(_step(event.resource_pre_event.metadata))
        elif event.res_op_failed_event is not None:
            failed.append(_step(event.res_op_failed_event.metadata))
        elif event.diagnostic_event is not None:
            if event.diagnostic_event.severity in {"warning", "error"}:
                messages.append(event.diagnostic_event.message.strip())
        elif event.policy_event is not None:
            policies.append(event.policy_event.message.strip())
    return Outcome(
        steps=tuple(steps),
        failed=tuple(failed),
        messages=tuple(dict.fromkeys(messages)),
        policies=tuple(policies),
        printed=printed,
        failure=failure,
    )


def _step(said: StepEventMetadata) -> Step:
    return Step(
        op=said.op.value if hasattr(said.op, "value") else str(said.op),
        urn=said.urn,
        diffs=tuple(said.detailed_diff or said.diffs or ()),
        replaces=tuple(said.keys or ()),
        old=dict(said.old.inputs or {}) if said.old is not None else {},
        new=dict(said.new.inputs or {}) if said.new is not None else {},
    )
