"""Runs a checkout's own policies over recordings, each check in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from ops.offline.diff.findings import (
    Finding,
    PolicyReport,
    PolicyResult,
    policy_report,
    read_result,
)
from ops.offline.errors import OfflineError
from ops.offline.revisions.checkouts import Checkout, environment_without_credentials

_PACK = Path("infra", "policies", "check.py")
"""What judges, in a checkout; older revisions do not have it."""

_MODULE = "infra.policies.check"

_DEADLINE = 60.0
"""Seconds for one check; it takes half of one."""

_ENDINGS = (0, 1)
"""Exit codes of a check that could judge: without findings, and with."""


def has_policies(place: Checkout) -> bool:
    """Return whether a state of the project has policies to judge by."""
    return (place.root / _PACK).is_file()


class PolicyCheck(AbstractContextManager["PolicyCheck"]):
    """One check, started at once and waiting for its recording: its imports take half its time."""

    def __init__(self, place: Checkout) -> None:
        """Start it with the code of `place`, whichever checkout runs this."""
        self._place = place
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, "--recording", "-"],
            cwd=place.root,
            env=environment_without_credentials() | {"PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __exit__(self, *_ending: object) -> None:
        """End it, asked or not, and close what leads to it."""
        with self._process:
            self._process.kill()

    def verdict(self, document: Mapping[str, Any]) -> PolicyResult:
        """Judge one recording; a check judges once.

        Raises:
            OfflineError: the policies failed, or did not end in time.
        """
        try:
            said, complained = self._process.communicate(json.dumps(document), timeout=_DEADLINE)
        except subprocess.TimeoutExpired:
            raise OfflineError(f"{self._called()}: no end after {_DEADLINE:g} s") from None
        # A traceback ends with the same code as findings do: only what is printed tells them apart.
        if self._process.returncode not in _ENDINGS or not said:
            raise OfflineError(f"{self._called()}: {complained.strip()[-2000:]}")
        try:
            return read_result(json.loads(said))
        except (ValueError, KeyError, TypeError) as error:
            raise OfflineError(f"{self._called()}: no verdict: {error!r}") from None

    def _called(self) -> str:
        return f"policies at {self._place.name}"


class ChangeCheck(AbstractContextManager["ChangeCheck"]):
    """Judges a change of one stack.

    The head's check starts with the judge. The base is judged only when the head has findings,
    because only then it matters which of them are new.
    """

    def __init__(self, stack: str, base: Checkout, head: Checkout) -> None:
        """Start the head's check where the head has policies."""
        self._stack = stack
        self._base = base
        self._head = head
        self._open = ExitStack()
        self._check = self._open.enter_context(PolicyCheck(head)) if has_policies(head) else None

    def __exit__(self, *_ending: object) -> None:
        """End what was started."""
        self._open.close()

    def report(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> PolicyReport:
        """Judge both recordings; once.

        Args:
            before: the base's recording.
            after: the head's.

        Raises:
            OfflineError: the head's policies failed.
        """
        if self._check is None:
            note = f"{self._head.name} has no {_PACK.parent.as_posix()}: nothing was judged"
            return PolicyReport(judged=False, notes=(note,))
        if not after["resources"]:
            return PolicyReport()
        verdict = self._check.verdict(after)
        if not before["resources"]:
            return policy_report(self._stack, (), verdict)
        if not verdict.findings and has_policies(self._base):
            return policy_report(self._stack, (), verdict)
        known, notes = self._before(before, wanted=bool(verdict.findings))
        return policy_report(self._stack, known, verdict, notes)

    def _before(
        self, document: Mapping[str, Any], *, wanted: bool
    ) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return what the base had, by its own policies or else the head's, and a note."""
        reason = f"has no {_PACK.parent.as_posix()}"
        if has_policies(self._base):
            try:
                return _findings(self._base, document), ()
            except OfflineError:
                reason = f"could not be judged by its own {_PACK.parent.as_posix()}"
        note = f"{self._base.name} {reason}: it is judged by the policies of {self._head.name}"
        return (_findings(self._head, document) if wanted else ()), (note,)


def _findings(judging: Checkout, document: Mapping[str, Any]) -> tuple[Finding, ...]:
    with PolicyCheck(judging) as check:
        return check.verdict(document).findings
