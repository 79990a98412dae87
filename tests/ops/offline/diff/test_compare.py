"""What follows from a change of a program.

Proves the classes on recordings of small programs and of the committed one; does not prove that AWS
replaces what the table says: that knowledge is copied by hand from the provider's schemas.
"""

import base64
import gzip
import json
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.diff.compare import EMPTY, compare
from ops.offline.diff.digest import digest, summary
from ops.offline.diff.flatten import flatten, top_level, unpacked
from ops.offline.diff.model import Change, Comparison, Op
from ops.offline.diff.rendering import markdown, text
from ops.offline.diff.rules import FORCE_NEW, NEW_VERSION_ON_UPDATE, PROTECTIONS
from ops.offline.engine.recording import Recording
from ops.offline.engine.sdk import output_types
from ops.offline.recorder import record
from tests.ops.offline.conftest import MakeProgram
from tests.support.stacks import SAMPLES


def _documents(make_program: MakeProgram, *codes: str) -> list[dict[str, Any]]:
    return [record("one", root=make_program(code)).as_document() for code in codes]


def _compare(before: Any, after: Any) -> Comparison:  # noqa: ANN401 - documents
    return compare(before, after, stack="one", names=("HEAD", "working tree"))


def _change(make_program: MakeProgram, before: str, after: str) -> Change:
    [change] = _compare(*_documents(make_program, before, after)).changes
    return change


VPC = 'vpc = aws.ec2.Vpc("v", cidr_block="10.0.0.0/16", tags={{"a": "{tag}"}}{more})\n'


def test_a_program_that_stays_changes_nothing(make_program: MakeProgram) -> None:
    code = VPC.format(tag="1", more="")
    comparison = _compare(*_documents(make_program, code, code))
    assert comparison.changes == ()
    assert (comparison.same, comparison.outputs) == (1, ())
    assert text(comparison).endswith("  1 unchanged\n")


def test_a_new_stack_is_all_creation_and_a_removed_one_all_deletion(
    make_program: MakeProgram,
) -> None:
    [document] = _documents(make_program, VPC.format(tag="1", more=""))
    assert [change.op for change in _compare(EMPTY, document).changes] == [Op.CREATE]
    [gone] = _compare(document, EMPTY).changes
    assert (gone.op, gone.alarms) == (Op.DELETE, ("Vpc v would be DELETED",))


def test_a_tag_is_updated_in_place(make_program: MakeProgram) -> None:
    change = _change(make_program, VPC.format(tag="1", more=""), VPC.format(tag="2", more=""))
    assert (change.op, change.alarms) == (Op.UPDATE, ())
    assert [(item.path, item.before, item.after) for item in change.differences] == [
        ("tags.a", "1", "2")
    ]


def test_what_cannot_change_in_place_is_replaced_and_so_is_what_is_made_from_it(
    make_program: MakeProgram,
) -> None:
    code = VPC.format(tag="1", more="") + (
        'subnet = aws.ec2.Subnet("s", vpc_id=vpc.id, cidr_block="10.0.0.0/24")\n'
        'group = aws.ec2.SecurityGroup("g", vpc_id=vpc.id, description="d")\n'
        'aws.vpc.SecurityGroupEgressRule("r", security_group_id=group.id, ip_protocol="-1")\n'
        'aws.ec2.Eip("bystander")\n'
    )
    other = code.replace("10.0.0.0/16", "10.0.0.0/15")
    comparison = _compare(*_documents(make_program, code, other))
    assert {change.name: change.op for change in comparison.changes} == {
        "v": Op.REPLACE,
        "s": Op.REPLACE,
        "g": Op.REPLACE,
        "r": Op.REPLACE,
    }
    [subnet] = [change for change in comparison.changes if change.name == "s"]
    assert [(item.path, item.after, item.because) for item in subnet.differences] == [
        ("vpcId", "[known after apply]", "Vpc v")
    ]
    assert "Subnet s would be REPLACED, because of vpcId" in comparison.alarms


def test_a_new_version_of_a_launch_template_reaches_its_group(make_program: MakeProgram) -> None:
    code = """
        template = aws.ec2.LaunchTemplate("t", image_id="ami-1")
        aws.autoscaling.Group("g", min_size=0, max_size=1, launch_template={
            "id": template.id, "version": template.latest_version.apply(str)
        })
        """
    comparison = _compare(*_documents(make_program, code, code.replace("ami-1", "ami-2")))
    assert [(change.name, change.op) for change in comparison.changes] == [
        ("g", Op.UPDATE),
        ("t", Op.UPDATE),
    ]


def test_the_programs_own_wish_to_replace_is_heard(make_program: MakeProgram) -> None:
    more = ', opts=pulumi.ResourceOptions(replace_on_changes=["tags"])'
    change = _change(make_program, VPC.format(tag="1", more=more), VPC.format(tag="2", more=more))
    assert change.op is Op.REPLACE


def test_an_ignored_change_is_shown_as_ignored(make_program: MakeProgram) -> None:
    more = ', opts=pulumi.ResourceOptions(ignore_changes=["tags"])'
    change = _change(make_program, VPC.format(tag="1", more=more), VPC.format(tag="2", more=more))
    assert (change.op, change.differences) == (Op.IGNORED, ())
    assert [item.path for item in change.ignored] == ["tags.a"]


def test_losing_protection_is_shouted(make_program: MakeProgram) -> None:
    protected = ", opts=pulumi.ResourceOptions(protect=True)"
    change = _change(
        make_program, VPC.format(tag="1", more=protected), VPC.format(tag="1", more="")
    )
    assert change.op is Op.OPTIONS
    assert change.alarms == ("Vpc v LOSES ITS PROTECTION from deletion by Pulumi",)


def test_what_is_protected_cannot_be_deleted_or_replaced_and_the_preview_says_so(
    make_program: MakeProgram,
) -> None:
    protected = VPC.format(tag="1", more=", opts=pulumi.ResourceOptions(protect=True)")
    assert "`pulumi up` would refuse to delete it" in _change(make_program, protected, "").alarms[1]
    replaced = _change(make_program, protected, protected.replace("/16", "/15"))
    assert "`pulumi up` would refuse to replace it" in replaced.alarms[1]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("enable_deletion_protection=True", "enable_deletion_protection=False", True),
        ("enable_deletion_protection=True", "idle_timeout=60", True),
        ("enable_deletion_protection=False", "enable_deletion_protection=True", False),
    ],
)
def test_aws_own_protections_are_watched_too(
    make_program: MakeProgram, before: str, after: str, *, lost: bool
) -> None:
    code = 'aws.lb.LoadBalancer("b", {})'
    change = _change(make_program, code.format(before), code.format(after))
    assert any("LOSES A PROTECTION" in alarm for alarm in change.alarms) is lost


def test_a_secret_that_becomes_plain_is_shouted_and_not_shown(make_program: MakeProgram) -> None:
    code = 'aws.ec2.LaunchTemplate("t", user_data={})'
    change = _change(
        make_program, code.format('pulumi.Output.secret("hush")'), code.format('"hush"')
    )
    assert "userData IS NO LONGER A SECRET" in change.alarms[0]
    comparison = Comparison(stack="one", base="a", head="b", changes=(change,), outputs=(), same=0)
    assert "hush" not in text(comparison) + markdown(comparison)


def test_a_component_renamed_with_an_alias_keeps_its_resources(make_program: MakeProgram) -> None:
    code = """
        class Pair(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("demo:x:Pair", name, None, opts)
                child = pulumi.ResourceOptions(parent=self)
                vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=child)
                aws.ec2.Subnet(f"{name}-s", vpc_id=vpc.id, cidr_block="10.0.0.0/24", opts=child)
        """
    code = textwrap.dedent(code)
    before = code + 'Pair("old")\n'
    after = code + 'Pair("new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))\n'
    kept = _compare(*_documents(make_program, before, after))
    assert {change.op for change in kept.changes} == {Op.OPTIONS}
    assert {change.renamed_from is not None for change in kept.changes} == {True}
    lost = _compare(*_documents(make_program, before, code + 'Pair("new")\n'))
    assert {change.op for change in lost.changes} == {Op.CREATE, Op.DELETE}


def test_a_policy_is_compared_statement_by_statement(make_program: MakeProgram) -> None:
    code = """
        import json
        aws.iam.Role("r", assume_role_policy=json.dumps({"Statement": [{"Action": "%s"}]}))
        """
    change = _change(make_program, code % "a:Get", code % "a:Put")
    assert [item.path for item in change.differences] == ["assumeRolePolicy.Statement[0].Action"]


def test_an_output_that_changes_is_shown(make_program: MakeProgram) -> None:
    comparison = _compare(
        *_documents(make_program, 'pulumi.export("port", 1)', 'pulumi.export("port", 2)')
    )
    assert [(item.name, item.before, item.after) for item in comparison.outputs] == [("port", 1, 2)]
    assert "| `port` | `1` | `2` |" in markdown(comparison)


def test_an_output_that_says_what_a_stack_was_made_with_is_told_to_be_refused(
    make_program: MakeProgram,
) -> None:
    def program(port: int, zones: list[str], weight: int) -> str:
        colours = {"blue": {"gateway_port": port, "weight": weight}}
        fixed = {"network_zone_names": zones}
        return f'pulumi.export("colours", {colours})\npulumi.export("fixed", {fixed})'

    comparison = _compare(
        *_documents(make_program, program(8080, ["a"], 1), program(8081, ["b", "c"], 2))
    )
    refused = "`pulumi up` REFUSES what the stack was not made with"
    assert comparison.alarms == (
        f"colours.blue.gateway_port was 8080 and would be 8081: {refused}",
        f'fixed.network_zone_names[0] was "a" and would be "b": {refused}',
    )
    assert refused in markdown(comparison).replace("\\", "")


def test_user_data_is_compared_as_the_text_it_carries() -> None:
    script = "#!/bin/sh\necho hello\n"
    packed = base64.b64encode(gzip.compress(script.encode())).decode()
    assert unpacked(packed) == script
    assert unpacked(base64.b64encode(script.encode()).decode()) == script
    assert unpacked("${not packed}") == "${not packed}"
    assert flatten({"userData": packed}) == {"userData": script}


@given(st.text())
def test_whatever_user_data_holds_it_stays_comparable(data: str) -> None:
    assert isinstance(unpacked(data), str)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), _JSON, max_size=4))
def test_flat_values_are_simple_and_know_their_input(values: dict[str, Any]) -> None:
    for path, value in flatten(values).items():
        assert not isinstance(value, list | dict)
        assert top_level(path) in values


# The program as delivered.


@pytest.fixture(scope="module")
def staging() -> Recording:
    return record("staging", root=SAMPLES)


def _against(staging: Recording, **overrides: object) -> Comparison:
    changed = record("staging", overrides=overrides, root=SAMPLES)
    return compare(
        staging.as_document(), changed.as_document(), stack="staging", names=("HEAD", "now")
    )


def test_another_image_tag_changes_one_colours_template_and_group_alone(
    staging: Recording,
) -> None:
    image = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.4.0"
    comparison = _against(staging, blue={"image": image})
    assert {
        (change.type.rsplit(":")[-1], change.name, change.op) for change in comparison.changes
    } == {
        ("LaunchTemplate", "perch-staging-blue", Op.UPDATE),
        ("Group", "perch-staging-blue", Op.UPDATE),
    }
    assert [output.name for output in comparison.outputs] == ["colours.blue.image"]
    assert comparison.alarms == ()
    assert "+ " in text(comparison)
    assert "1.4.0" in text(comparison)


def test_another_domain_warns_that_the_certificate_is_replaced(staging: Recording) -> None:
    comparison = _against(staging, domain={"name": "speech.perch.example.com"})
    replaced = {change.type for change in comparison.changes if change.op is Op.REPLACE}
    assert "aws:acm/certificate:Certificate" in replaced
    assert any(
        "Certificate perch-staging would be REPLACED, because of domainName" in alarm
        for alarm in comparison.alarms
    )


@pytest.mark.parametrize("token", sorted(FORCE_NEW))
def test_rules_speak_of_inputs_that_exist(token: str) -> None:
    known = set(output_types(token))
    # Write-only inputs are no outputs.
    assert {key for key in FORCE_NEW[token] if not key.endswith("WoVersion")} <= known
    assert {key for kind, key in PROTECTIONS if kind == token} <= known
    assert set(FORCE_NEW) >= set(NEW_VERSION_ON_UPDATE)


def test_the_digest_has_pulumis_shape_and_no_secret(make_program: MakeProgram) -> None:
    code = VPC.format(tag="1", more="") + (
        'aws.ssm.Parameter("p", type="SecureString", value=pulumi.Output.secret("hush"))\n'
    )
    other = code.replace("hush", "psst").replace("10.0.0.0/16", "10.0.0.0/15")
    before, after = _documents(make_program, code, other)
    comparison = _compare(before, after)
    found = digest(comparison, seconds=1.5)
    assert set(found) == {
        "config",
        "steps",
        "diagnostics",
        "duration",
        "changeSummary",
        "maybeCorrupt",
        "perch",
    }
    assert found["changeSummary"] == summary(comparison) == {"replace": 1, "same": 1}
    assert found["duration"] == 1_500_000_000
    [step] = found["steps"]
    assert step["op"] == "replace"
    assert step["replaceReasons"] == ["cidrBlock"]
    assert step["detailedDiff"] == {"cidrBlock": {"kind": "update-replace", "inputDiff": True}}
    assert step["oldState"]["inputs"]["cidrBlock"] == "10.0.0.0/16"
    assert "hush" not in json.dumps(found)
    assert "psst" not in json.dumps(found)


def test_markdown_cannot_be_broken_by_a_name(make_program: MakeProgram) -> None:
    comparison = _compare(
        *_documents(make_program, 'aws.ec2.Eip("<b>`x`*[y](z)")', "pulumi.export('a', 1)")
    )
    shown = markdown(comparison)
    assert r"\<b\>\`x\`\*\[y\](z)" in shown
    assert shown.count("```") == 2
