"""Every stack as delivered has every property or a written exemption, and each of those is needed.

Run over what the program registers, by the pack's own policies. It does not show what AWS makes of
it, nor that Pulumi's engine hands a pack the same fields (`test_pack.py` goes as far as it can).
"""

from contextlib import suppress
from datetime import date, timedelta

import pytest
from pulumi_policy import ResourceValidationPolicy

from infra.policies.engine.judging import Finding, judge
from infra.policies.engine.recorded import read
from infra.policies.exemptions import EXEMPTIONS, Exemption, exemption_for, overdue, short
from infra.policies.pack import RULES, policies
from ops.offline.engine.project import stack_names
from ops.offline.errors import OfflineError
from ops.offline.recorder import record
from tests.infra.building import ROOT, STACKS
from tests.infra.policies.breaking import copy_of, find, put, run
from tests.support.cases import few
from tests.support.stacks import has_own_values

pytestmark = pytest.mark.xdist_group("infra-program")

ALONE = [policy for policy in policies(()) if isinstance(policy, ResourceValidationPolicy)]
BEFORE_REVIEWS = min(exemption.review for exemption in EXEMPTIONS)


@pytest.fixture(scope="module")
def bare() -> dict[str, list[Finding]]:
    """What every stack would be blamed for without exemptions; also those that people filled in."""
    found = {name: run(copy_of(name)) for name in STACKS}
    for name in filter(has_own_values, stack_names(ROOT)):
        with suppress(OfflineError):
            found[f"own {name}"] = run(record(name, root=ROOT).as_document())
    return found


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_has_every_property_or_a_written_exemption(name: str) -> None:
    assert judge(policies(EXEMPTIONS, BEFORE_REVIEWS), read(copy_of(name))) == []


@pytest.mark.parametrize("name", few(STACKS, ("prod",)))
def test_a_preview_of_a_new_stack_finds_nothing_and_says_what_it_cannot_know(name: str) -> None:
    found = judge(policies(EXEMPTIONS, BEFORE_REVIEWS), read(copy_of(name, preview=True)))
    assert [finding for finding in found if finding.judged] == []
    # Documents made of ARNs, and user data that names them: nothing else may hide.
    assert {finding.message for finding in found} == {
        f"string value at .{key} can't be known during preview" for key in ("policy", "userData")
    }


@pytest.mark.parametrize("exemption", EXEMPTIONS, ids=lambda one: f"{one.policy} {one.resource}")
def test_an_exemption_is_needed(exemption: Exemption, bare: dict[str, list[Finding]]) -> None:
    needed_by = [
        finding
        for findings in bare.values()
        for finding in findings
        if exemption.covers(finding.policy, finding.urn)
    ]
    assert needed_by, f"nothing needs this exemption any more: {exemption}"


def test_no_exemption_covers_what_another_covers(bare: dict[str, list[Finding]]) -> None:
    for findings in bare.values():
        for finding in findings:
            covering = [one for one in EXEMPTIONS if one.covers(finding.policy, finding.urn)]
            # None is for a stack of somebody's own, and for the first test here to find.
            assert len(covering) <= 1, (finding.policy, short(finding.urn))


def test_exemptions_name_policies_that_exist() -> None:
    assert {exemption.policy for exemption in EXEMPTIONS} <= {rule.name for rule in RULES}


def test_an_exemption_is_for_one_policy_and_one_resource() -> None:
    exemption = Exemption(
        policy="keys-rotate",
        resource="dev::aws:kms/key:Key::perch-dev-data",
        reason="a reason",
        owner="somebody",
        review=date(2027, 1, 1),
    )
    urn = "urn:pulumi:dev::perch::perch:infra:Encryption$aws:kms/key:Key::perch-dev-data"
    assert exemption_for("keys-rotate", urn, [exemption]) is exemption
    assert exemption_for("keys-are-not-lost", urn, [exemption]) is None
    assert exemption_for("keys-rotate", urn.replace(":dev:", ":prod:"), [exemption]) is None
    assert exemption_for("keys-rotate", urn.replace("-data", "-telemetry"), [exemption]) is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("resource", "perch-dev", "resource is 'perch-dev'; accepted: stack::type::name"),
        ("resource", "dev::::x", "accepted: stack::type::name"),
        ("reason", " ", "reason of the exemption for"),
        ("owner", "", "owner of the exemption for"),
        ("policy", "", "policy of the exemption for"),
    ],
)
def test_an_exemption_without_its_parts_is_refused(field: str, value: str, said: str) -> None:
    fields = {"policy": "p", "resource": "a::b::c", "reason": "r", "owner": "o", field: value}
    with pytest.raises(ValueError, match=said):
        Exemption(review=date(2027, 1, 1), **fields)


def test_an_exemption_whose_review_is_due_counts_on_and_is_reported() -> None:
    due = min(EXEMPTIONS, key=lambda exemption: exemption.review)
    later = due.review + timedelta(days=1)
    assert due not in overdue(EXEMPTIONS, due.review)
    assert due in overdue(EXEMPTIONS, later)
    said = judge(policies(EXEMPTIONS, later), read(copy_of("prod")))
    assert {finding.policy for finding in said} == {"exemptions-are-reviewed"}
    assert any(f"{due.policy} on {due.resource}: to be reviewed" in one.message for one in said)


def test_what_a_preview_cannot_judge_does_not_hide_what_is_wrong_elsewhere() -> None:
    document = copy_of("prod")
    put("LaunchTemplate green", "userData", "[unknown]")(document)
    put("TargetGroup blue", "deregistrationDelay", 1)(document)
    found = run(document, "deregistration-outlasts-the-drain")
    blue = find(document, "TargetGroup blue")["urn"]
    assert [(one.urn, one.judged) for one in found] == [(blue, True), ("", False)]


@pytest.mark.parametrize("odd", [None, "odd", 3.0, [None], [{}], {"odd": None}], ids=repr)
def test_an_input_of_another_shape_ends_no_policy_by_a_traceback(odd: object) -> None:
    document = copy_of("prod")
    kinds = {kind for rule in RULES for kind in rule.kinds}
    one_a_kind = {one["type"]: one for one in document["resources"] if one["type"] in kinds}
    for resource in one_a_kind.values():
        for key, value in list(resource["inputs"].items()):
            resource["inputs"][key] = odd
            judge(ALONE, read({"resources": [resource]}))
            resource["inputs"][key] = value


def test_other_tokens_of_one_resource_are_judged_alike() -> None:
    document = copy_of("prod")
    balancer = find(document, "LoadBalancer ")
    balancer["type"] = "aws:alb/loadBalancer:LoadBalancer"
    balancer["inputs"]["dropInvalidHeaderFields"] = False
    versioning = find(document, "BucketVersioning models")
    versioning["type"] = "aws:s3/bucketVersioningV2:BucketVersioningV2"
    found = run(document, "invalid-headers-are-dropped", "buckets-keep-versions")
    assert [finding.urn for finding in found] == [balancer["urn"]]
