"""Policies of a checkout asked by a preview, from the command line to the process that judges.

Proves that a broken property of the committed program is a new finding, and what happens where a
side has no policies or they fail; what each policy finds is proved by tests/infra/policies.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import CliRunner, Result

from ops.offline.diff.compare import EMPTY
from ops.offline.diff.findings import PolicyReport
from ops.offline.engine.project import CHECKOUT
from ops.offline.errors import OfflineError
from ops.offline.revisions import checkouts, policies
from ops.offline.revisions.checkouts import Checkout
from ops.offline.revisions.policies import ChangeCheck
from ops.preview import command
from tests.support.git import git
from tests.support.stacks import SAMPLES

DOCUMENT = {"resources": [{"urn": "urn:vpc"}]}

Told: TypeAlias = dict[str, list[dict[str, Any]]]
MakePlace: TypeAlias = Callable[..., Checkout]


def _finding(message: str) -> dict[str, Any]:
    fixed = {"policy": "p", "ids": [], "urn": "u", "name": "n", "type": "t", "source": "a.py:1"}
    return {**fixed, "message": message}


def _told(*messages: str) -> Told:
    findings = [_finding(message) for message in messages]
    return {"findings": findings, "excepted": [], "unjudged": [], "overdue": []}


@pytest.fixture
def make_place(tmp_path: Path) -> MakePlace:
    """A checkout whose check prints what it is told to, or runs the code it is given."""

    def make(name: str, told: Told | None = None, code: str = "") -> Checkout:
        root = tmp_path / name
        root.mkdir()
        if told is not None:
            code = f"import sys; sys.stdin.read(); print({json.dumps(told)!r})"
        if code:
            pack = root / "infra" / "policies"
            pack.mkdir(parents=True)
            (pack.parent / "__init__.py").touch()
            (pack / "__init__.py").touch()
            (pack / "check.py").write_text(code)
        return Checkout(name, root)

    return make


def _report(base: Checkout, head: Checkout) -> PolicyReport:
    with ChangeCheck("prod", base, head) as judge:
        return judge.report(DOCUMENT, DOCUMENT)


def test_each_side_is_judged_by_its_own_policies(make_place: MakePlace) -> None:
    base = make_place("base", _told("old"))
    report = _report(base, make_place("head", _told("old", "fresh")))
    assert [finding.message for finding in report.new] == ["fresh"]
    assert [finding.message for finding in report.existing] == ["old"]
    assert report.notes == ()


@pytest.mark.parametrize("messages", [(), ("old",)])
def test_a_base_without_policies_is_judged_by_the_heads_and_that_is_said(
    make_place: MakePlace, messages: tuple[str, ...]
) -> None:
    report = _report(make_place("v1"), make_place("head", _told(*messages)))
    assert (report.new, len(report.existing)) == ((), len(messages))
    assert report.notes == ("v1 has no infra/policies: it is judged by the policies of head",)


def test_a_base_whose_policies_fail_is_judged_by_the_heads_as_well(make_place: MakePlace) -> None:
    report = _report(make_place("v1", code="raise SystemExit(3)"), make_place("h", _told("old")))
    assert (report.new, len(report.existing)) == ((), 1)
    assert report.notes == (
        "v1 could not be judged by its own infra/policies: it is judged by the policies of h",
    )


def test_a_head_without_policies_is_not_called_clean(make_place: MakePlace) -> None:
    report = _report(make_place("base", _told()), make_place("head"))
    assert not report.judged
    assert report.notes == ("head has no infra/policies: nothing was judged",)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise RuntimeError('aground')", "policies at head: Traceback.*RuntimeError: aground"),
        ("import sys; sys.stdin.read(); print('[]')", "policies at head: no verdict: TypeError"),
        ("import sys; sys.stdin.read(); print('{}')", "policies at head: no verdict: KeyError"),
    ],
)
def test_policies_that_fail_at_the_head_are_named(
    make_place: MakePlace, code: str, sentence: str
) -> None:
    with pytest.raises(OfflineError, match=f"(?s){sentence}"):
        _report(make_place("base", _told()), make_place("head", code=code))


def test_a_stack_that_is_new_or_gone_needs_no_verdict_of_the_missing_side(
    make_place: MakePlace,
) -> None:
    base, head = make_place("base", _told("old")), make_place("head", _told("fresh"))
    with ChangeCheck("prod", base, head) as judge:
        assert len(judge.report(EMPTY, DOCUMENT).new) == 1
    with ChangeCheck("prod", base, head) as judge:
        assert judge.report(DOCUMENT, EMPTY) == PolicyReport()


# The committed program.


@pytest.fixture(scope="module")
def weakened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed program in a repository of its own; its machines have lost IMDSv2 since."""
    root = tmp_path_factory.mktemp("a scratch copy")
    shutil.copytree(
        CHECKOUT / "infra", root / "infra", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(SAMPLES, root / "stacks", ignore=shutil.ignore_patterns("Pulumi.yaml"))
    shutil.copy(CHECKOUT / "Pulumi.yaml", root)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "sound")
    group = root / "infra" / "machines" / "machine_group.py"
    code = group.read_text(encoding="utf-8")
    assert code.count('http_tokens="required"') == 1
    group.write_text(code.replace('http_tokens="required"', 'http_tokens="optional"'))
    return root


@pytest.fixture(scope="module")
def preview_of_weakened(weakened: Path) -> Result:
    """What the command says of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(weakened)
        return CliRunner().invoke(
            command, ["--stack", "dev", "--format", "json", "--fail-on", "policy"]
        )


@pytest.mark.slow
def test_a_broken_property_of_the_program_is_a_new_finding_and_stops(
    preview_of_weakened: Result,
) -> None:
    assert preview_of_weakened.exit_code == 1, preview_of_weakened.output
    assert "stopped by --fail-on (dev: policy)" in preview_of_weakened.stderr
    told = json.loads(preview_of_weakened.stdout)["perch"]["policyFindings"]
    assert {finding["type"] for finding in told["new"]} == {"aws:ec2/launchTemplate:LaunchTemplate"}
    assert all("httpTokens" in finding["message"] for finding in told["new"])
    assert all(
        finding["source"].startswith("infra/machines/machine_group.py:") for finding in told["new"]
    )
    assert told["existing"] == told["notes"] == []
    assert told["excepted"] > 0


@pytest.mark.slow
def test_the_same_preview_prices_the_stack(preview_of_weakened: Result) -> None:
    cost = json.loads(preview_of_weakened.stdout)["perch"]["monthlyCost"]
    assert cost["before"] == cost["after"] > 0
    assert (cost["difference"], cost["items"]) == (0, [])


def test_policies_that_do_not_end_are_given_up(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = make_place("head", code="import time; time.sleep(60)")
    monkeypatch.setattr(policies, "_DEADLINE", 0.2)
    with (
        ChangeCheck("one", make_place("base"), head) as check,
        pytest.raises(OfflineError, match=r"^policies at head: no end after 0\.2 s$"),
    ):
        check.report(EMPTY, DOCUMENT)


def test_a_program_that_is_not_recorded_in_time_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Checkout("here", CHECKOUT)
    monkeypatch.setattr(checkouts, "_DEADLINE", 0.01)
    with pytest.raises(OfflineError, match=r"^local at here: no end after 0\.01 s$"):
        checkouts.recordings([here], ["local"])
