"""What policies say of a change: which findings are new, and how they are shown.

Proves the splitting, the words in the three formats and the gate on verdicts written down here;
that real policies are asked is proved by test_policies, what they find by tests/infra/policies.
"""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.diff import findings_shown
from ops.offline.diff.digest import digest
from ops.offline.diff.findings import (
    Finding,
    OverdueExemption,
    PolicyReport,
    PolicyResult,
    policy_report,
    read_result,
)
from ops.offline.diff.model import Comparison
from ops.offline.diff.rendering import markdown, text
from ops.preview import GATES, stops

OPEN = Finding(
    policy="metadata-needs-a-token",
    ids=("CKV_AWS_79", "EC2.8"),
    urn="urn:pulumi:prod::perch::aws:ec2/launchTemplate:LaunchTemplate::blue",
    name="blue",
    type="aws:ec2/launchTemplate:LaunchTemplate",
    message="httpTokens is optional; accepted: required",
    source="infra/machines/machine_group.py:99",
)
NOWHERE = Finding(
    policy="traffic-is-logged", ids=(), urn="", name="", type="", message="no log", source=""
)
LATE = OverdueExemption(
    policy="secrets-rotate",
    resource="*::aws:secretsmanager/secret:Secret::perch-*",
    owner="security reviewer",
    review="2026-05-31",
)


def _comparison(report: PolicyReport | None) -> Comparison:
    return Comparison(
        stack="prod", base="HEAD", head="now", changes=(), outputs=(), same=3, policies=report
    )


def test_a_verdict_is_read_as_the_check_prints_it() -> None:
    written = {**dataclasses.asdict(OPEN), "property": 1, "source": None}
    late = {**dataclasses.asdict(LATE), "reason": "because"}
    told = {
        "findings": [written],
        "excepted": [{**written, "reason": "because"}],
        "unjudged": [{"policy": "p", "urn": "u", "message": "m"}] * 2,
        "overdue": [late],
    }
    assert read_result(json.loads(json.dumps(told))) == PolicyResult(
        findings=(dataclasses.replace(OPEN, source=""),), excepted=1, unjudged=2, overdue=(LATE,)
    )


def test_a_finding_is_new_when_the_base_does_not_have_it() -> None:
    verdict = PolicyResult(findings=(OPEN, NOWHERE), excepted=4, unjudged=1)
    report = policy_report("prod", (NOWHERE,), verdict, ("a note",))
    assert report == PolicyReport(
        new=(OPEN,), existing=(NOWHERE,), excepted=4, unjudged=1, notes=("a note",)
    )


def test_a_finding_that_only_moved_to_another_line_is_not_new() -> None:
    moved = dataclasses.replace(OPEN, source="infra/machines/machine_group.py:120")
    assert policy_report("prod", (OPEN,), PolicyResult(findings=(moved,))).existing == (moved,)


def test_a_finding_that_reads_differently_or_comes_once_more_is_new() -> None:
    other = dataclasses.replace(OPEN, message="httpTokens is missing; accepted: required")
    report = policy_report("prod", (OPEN,), PolicyResult(findings=(other, OPEN, OPEN)))
    assert (report.new, report.existing) == ((other, OPEN), (OPEN,))


@given(
    st.lists(st.sampled_from((OPEN, NOWHERE)), max_size=5),
    st.lists(st.sampled_from((OPEN, NOWHERE)), max_size=5),
)
def test_every_finding_of_the_head_is_either_new_or_existing(
    base: list[Finding], head: list[Finding]
) -> None:
    report = policy_report("prod", base, PolicyResult(findings=tuple(head)))
    for finding in (OPEN, NOWHERE):
        assert report.existing.count(finding) == min(base.count(finding), head.count(finding))
        assert report.new.count(finding) == max(head.count(finding) - base.count(finding), 0)


@pytest.mark.parametrize(
    ("resource", "shown"), [("*::T::n", True), ("prod::T::n", True), ("dev::T::n", False)]
)
def test_only_overdue_exceptions_of_the_stack_are_told(resource: str, *, shown: bool) -> None:
    late = dataclasses.replace(LATE, resource=resource)
    report = policy_report("prod", (), PolicyResult(overdue=(late,)))
    assert report.overdue == ((late,) if shown else ())


REPORT = PolicyReport(
    new=(OPEN,),
    existing=(NOWHERE,),
    excepted=9,
    unjudged=2,
    overdue=(LATE,),
    notes=("HEAD has no infra/policies",),
)


def test_a_terminal_shows_new_findings_first_and_the_rest_below() -> None:
    assert text(_comparison(REPORT)) == (
        "prod: HEAD -> now\n"
        "\n"
        "  !! NEW FINDING metadata-needs-a-token [CKV_AWS_79, EC2.8]: blue:"
        " httpTokens is optional; accepted: required  (infra/machines/machine_group.py:99)\n"
        "\n"
        "  policies: 1 NEW, 1 as before, 9 excepted in writing, 2 to be judged by `pulumi up`\n"
        "    as before: traffic-is-logged: no log\n"
        "    warning: the exemption from secrets-rotate for"
        " *::aws:secretsmanager/secret:Secret::perch-* is to be reviewed by the security reviewer"
        " since 2026-05-31\n"
        "    warning: HEAD has no infra/policies\n"
        "\n"
        "  3 unchanged\n"
    )


def test_a_comment_shows_new_findings_as_a_caution_and_escapes_what_they_say() -> None:
    assert markdown(_comparison(REPORT)) == (
        "### `prod`: 3 unchanged\n"
        "\n"
        "`HEAD` → `now`\n"
        "\n"
        "> [!CAUTION]\n"
        "> **NEW FINDING metadata-needs-a-token \\[CKV\\_AWS\\_79, EC2.8\\]: blue:"
        " httpTokens is optional; accepted: required  (infra/machines/machine\\_group.py:99)**  \n"
        "\n"
        "**Policies:** 1 NEW, 1 as before, 9 excepted in writing,"
        " 2 to be judged by `pulumi up`\n"
        "\n"
        "- as before: traffic-is-logged: no log\n"
        "- warning: the exemption from secrets-rotate for"
        " \\*::aws:secretsmanager/secret:Secret::perch-\\* is to be reviewed by the security"
        " reviewer since 2026-05-31\n"
        "- warning: HEAD has no infra/policies\n"
    )


def test_a_clean_stack_is_one_line_and_one_without_policies_is_not_called_clean() -> None:
    assert findings_shown.text(PolicyReport(excepted=9)) == [
        "policies: no findings, 9 excepted in writing"
    ]
    unjudged = PolicyReport(judged=False, notes=("v1 has no infra/policies: nothing was judged",))
    assert findings_shown.text(unjudged) == [
        "policies: not judged",
        "  warning: v1 has no infra/policies: nothing was judged",
    ]


def test_of_many_old_findings_ten_are_listed_and_the_rest_counted() -> None:
    shown = findings_shown.text(PolicyReport(existing=(NOWHERE,) * 12))
    assert shown[0] == "policies: 12 as before"
    assert shown[1:] == ["  as before: traffic-is-logged: no log"] * 10 + ["  as before: 2 more"]


def test_the_digest_holds_every_field_under_perch() -> None:
    told: dict[str, Any] = digest(_comparison(REPORT), seconds=1)["perch"]["policyFindings"]
    assert json.loads(json.dumps(told)) == {
        "judged": True,
        "new": [{**dataclasses.asdict(OPEN), "ids": ["CKV_AWS_79", "EC2.8"]}],
        "existing": [{**dataclasses.asdict(NOWHERE), "ids": []}],
        "excepted": 9,
        "unjudged": 2,
        "overdue": [dataclasses.asdict(LATE)],
        "notes": ["HEAD has no infra/policies"],
    }
    assert digest(_comparison(None), seconds=1)["perch"]["policyFindings"] is None


@pytest.mark.parametrize(
    ("report", "stopped"),
    [
        (PolicyReport(new=(OPEN,)), True),
        (PolicyReport(existing=(OPEN,), excepted=1, overdue=(LATE,)), False),
        (PolicyReport(judged=False), True),
        (PolicyReport(), False),
    ],
)
def test_new_findings_stop_and_so_does_what_nobody_judged(
    report: PolicyReport, *, stopped: bool
) -> None:
    assert stops(_comparison(report), GATES) == (["policy"] if stopped else [])
