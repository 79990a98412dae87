"""The rules as a table, the page made of it, and the readers of policy documents and user data."""

import gzip
import re
from base64 import b64encode
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.policies.engine.documents import allowed, statements
from infra.policies.engine.judging import judge
from infra.policies.engine.recorded import read
from infra.policies.engine.rule import OWN, StackRule, as_policy, describe
from infra.policies.engine.user_data import MAX_BYTES, secrets_in, unpack, variable
from infra.policies.exemptions import EXEMPTIONS, Exemption
from infra.policies.pack import RULES, policies
from infra.policies.page import security_page
from tests.infra.building import ROOT


def test_every_property_has_a_policy_and_no_two_policies_one_name() -> None:
    assert {rule.number for rule in RULES} == set(range(1, 29))
    names = [policy.name for policy in policies()]
    assert sorted(set(names)) == sorted(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) for name in names)


def test_a_policy_says_what_it_holds_and_by_which_ids() -> None:
    for rule in RULES:
        assert rule.ids
        assert rule.kinds
        assert rule.text.endswith(".")
        assert all(one in describe(rule) for one in rule.ids)


def test_the_page_holds_every_policy_id_and_exception() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert page.startswith(security_page())
    for rule in RULES:
        [line] = [line for line in page.splitlines() if f"| `{rule.name}` | {rule.ids[0]}" in line]
        assert rule.text in line
        assert all(one in line for one in rule.ids)
    for exemption in EXEMPTIONS:
        assert f"| `{exemption.policy}` | `{exemption.resource}` | {exemption.reason} |" in page


@pytest.mark.parametrize("document", ["", "[]", "{}", '"text"', "null", None, 3])
def test_what_is_no_policy_document_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="policy document"):
        statements(document)


def test_a_document_of_texts_reads_like_one_of_lists() -> None:
    texts = {"Effect": "Allow", "Action": "s3:Get", "Resource": "a", "Principal": {"AWS": "b"}}
    lists = {key: [value] if key != "Effect" else value for key, value in texts.items()}
    lists["Principal"] = {"AWS": ["b"]}
    assert statements({"Statement": texts}) == statements({"Statement": [lists]})


def test_a_denial_allows_nothing() -> None:
    document = {"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    assert list(allowed(document)) == []


@given(st.text(), st.booleans())
def test_user_data_is_read_packed_or_not(text: str, packed: bool) -> None:
    data = gzip.compress(text.encode()) if packed else text.encode()
    if packed or not data.startswith(b"\x1f\x8b"):
        assert unpack(b64encode(data).decode()) == text


@given(st.binary())
def test_user_data_of_any_bytes_is_text_or_an_error(data: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(unpack(b64encode(b"\x1f\x8b" + data).decode()), str)


def test_user_data_that_swells_is_refused() -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_BYTES} bytes"):
        unpack(b64encode(gzip.compress(b"0" * (MAX_BYTES + 1))).decode())


@pytest.mark.parametrize(
    "line",
    [
        'PERCH_NGC_SECRET="arn:aws:secretsmanager:us-east-2:1:secret"',  # pragma: allowlist secret
        "AUTH_TOKEN_FILE=/run/perch/secrets/gateway-tokens",  # pragma: allowlist secret
        'token=$(curl -sf -X PUT "$PERCH_IMDS/api/token")',
        "X-aws-ec2-metadata-token-ttl-seconds: 60",
    ],
)
def test_a_reference_to_a_secret_is_none(line: str) -> None:
    assert list(secrets_in(line)) == []


def test_a_found_secret_is_not_repeated() -> None:
    [said] = secrets_in("\n\npassword: " + "correcthorsebattery")
    assert said == "an assigned secret in line 3"


def test_a_variable_is_read_where_it_is_set() -> None:
    text = '    OTHER_SECONDS="9"\n    SECONDS="2.5"\n'
    assert variable(text, "SECONDS") == 2.5
    assert variable(text, "MISSING") is None


def test_a_resource_with_an_exemption_hides_no_other_of_its_stack() -> None:
    kind = "aws:s3/bucket:Bucket"
    rule = StackRule(
        name="a-rule", number=1, text="It holds.", ids=(OWN,), kinds=(kind,),
        check=lambda one, _: [f"{one.name} is wrong"],
    )  # fmt: skip
    exemption = Exemption(
        policy="a-rule", resource=f"test::{kind}::b", reason="so", owner="us", review=date.max
    )
    stack: list[dict[str, object]] = [
        {"urn": f"urn:pulumi:test::perch::{kind}::{name}", "type": kind, "name": name}
        | {"inputs": {}, "options": {}}
        for name in "abc"
    ]
    found = judge([as_policy(rule, [exemption])], read({"resources": stack}))
    assert [finding.message for finding in found] == ["a is wrong", "c is wrong"]
