"""Every policy objects when its property is lost.

Copies of recorded stacks are broken in one way each. This shows that the policies see what they are
for; it does not show that AWS or Pulumi would name the same fields in another version of the
provider (the stacks' own tests would then find properties missing).
"""

from typing import Final

import pytest

from infra.policies.exemptions import short
from infra.policies.pack import RULES
from tests.infra.policies.breaking import Case, blamed_already, copy_of, find, run
from tests.infra.policies.data_cases import DATA, IDENTITY, TEXTS
from tests.infra.policies.entrance_cases import ENTRANCE
from tests.infra.policies.machine_cases import MACHINES, NETWORK

pytestmark = pytest.mark.xdist_group("infra-program")

CASES: Final[tuple[Case, ...]] = (*MACHINES, *NETWORK, *ENTRANCE, *DATA, *IDENTITY, *TEXTS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_policy_objects_to_the_resource_that_lost_its_property(case: Case) -> None:
    document = copy_of(case.stack)
    for change in case.mended:
        change(document)
    before = (
        {(finding.policy, finding.urn) for finding in run(document, case.policy)}
        if case.mended
        else blamed_already(case.stack)
    )
    for change in case.broken:
        change(document)
    blamed = find(document, case.blamed)["urn"]
    assert (case.policy, blamed) not in before
    objections = [one for one in run(document, case.policy) if one.urn == blamed]
    assert objections, f"{case.policy} did not see {short(blamed)}"
    assert all(one.judged and one.message for one in objections)


def test_every_policy_has_a_case() -> None:
    assert {case.policy for case in CASES} == {rule.name for rule in RULES}


def test_no_two_cases_have_one_name() -> None:
    names = [str(case) for case in CASES]
    assert sorted(set(names)) == sorted(names)
