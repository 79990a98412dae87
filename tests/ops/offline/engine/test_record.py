"""The recorded run, on the tests' own program and on small ones.

Proves what the SDK would send an engine; does not prove what an engine would do with it.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops.offline import OfflineError
from ops.offline.engine.program import run_program
from ops.offline.engine.project import load_project
from ops.offline.engine.recording import Recording
from ops.offline.engine.wire import UNKNOWN
from ops.offline.placeholders import PlaceholderProvider
from ops.offline.recorder import record
from tests.ops.offline.conftest import HARBOUR, MakeProgram

STACK = "urn:pulumi:quay::harbour::"


@pytest.fixture(scope="module")
def harbour() -> Recording:
    return record("quay", root=HARBOUR)


def test_every_resource_is_recorded_under_its_engine_urn(harbour: Recording) -> None:
    assert sorted(harbour.resources) == [
        f"{STACK}aws:kms/key:Key::key",
        f"{STACK}aws:secretsmanager/secret:Secret::secret",
        f"{STACK}aws:secretsmanager/secretVersion:SecretVersion::secret-value",
        f"{STACK}harbour:water:Basin$aws:ec2/subnet:Subnet::basin-eu-west-1a",
        f"{STACK}harbour:water:Basin$aws:ec2/subnet:Subnet::basin-eu-west-1b",
        f"{STACK}harbour:water:Basin$aws:ec2/vpc:Vpc::basin-vpc",
        f"{STACK}harbour:water:Basin::basin",
        f"{STACK}pulumi:providers:aws::tagged",
        f"{STACK}pulumi:pulumi:Stack::harbour-quay",
    ]


def test_inputs_dependencies_options_and_place_are_recorded(harbour: Recording) -> None:
    vpc = harbour.one("aws:ec2/vpc:Vpc")
    subnet = harbour.one("aws:ec2/subnet:Subnet", "basin-eu-west-1b")
    assert subnet.inputs == {
        "vpcId": "${Vpc.basin-vpc.id}",
        "cidrBlock": "10.20.1.0/24",
        "availabilityZone": "eu-west-1b",
    }
    assert subnet.dependencies == (vpc.urn,)
    assert subnet.property_dependencies == {"vpcId": (vpc.urn,)}
    assert subnet.source == "harbour/basin.py:29"
    assert harbour.one("pulumi:providers:aws").source == "harbour/__main__.py:12"
    assert harbour.one("aws:secretsmanager/secretVersion:SecretVersion").options["protect"] is True
    assert vpc in harbour.children(vpc.parent)


def test_asking_for_one_resource_of_several_lists_their_names(harbour: Recording) -> None:
    with pytest.raises(OfflineError, match="2 registered; names of that type: basin-eu-west-1a"):
        harbour.one("aws:ec2/subnet:Subnet")


def test_outputs_arrive_and_a_secret_one_is_known_as_such(harbour: Recording) -> None:
    assert harbour.outputs["vpc_id"] == "${Vpc.basin-vpc.id}"
    assert harbour.outputs["weights"] == [70, 30]
    assert harbour.secret_outputs == {("password",)}


def test_no_secret_is_in_a_dump(harbour: Recording) -> None:
    recording = record("quay", root=HARBOUR, overrides={"password": "ahoy-there"})
    version = recording.one("aws:secretsmanager/secretVersion:SecretVersion")
    assert version.inputs["secretString"] == "ahoy-there"  # pragma: allowlist secret
    assert version.input_is_secret("secretString")
    assert not version.input_is_secret("secretId")
    assert "ahoy-there" not in recording.dump()
    assert recording.dump() == harbour.dump()


def test_a_dump_is_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import sys, pathlib; from ops.offline.recorder import record;"
        "sys.stdout.write(record('quay', root=pathlib.Path(sys.argv[1])).dump())"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(HARBOUR)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "77")
    ]
    first, second = (run.communicate(timeout=60)[0] for run in runs)
    assert first == second
    assert len(json.loads(first)["resources"]) == 8


def test_a_preview_leaves_what_a_cloud_would_answer_unknown() -> None:
    recording = record("quay", root=HARBOUR, preview=True)
    assert recording.outputs["vpc_id"] == UNKNOWN
    assert recording.outputs["gateway_port"] == 8080
    assert recording.one("aws:ec2/subnet:Subnet", "basin-eu-west-1a").inputs["vpcId"] == UNKNOWN
    assert UNKNOWN not in recording.dump()


def test_a_program_runs_inside_a_running_loop_and_leaves_it_alone() -> None:
    async def inside() -> Recording:
        return record("quay", root=HARBOUR)

    assert asyncio.run(inside()).outputs["watch"] == "on"


def test_a_name_registered_twice_is_refused_with_both_places(make_program: MakeProgram) -> None:
    root = make_program(
        """
        aws.ec2.Eip("same")
        aws.ec2.Eip("same")
        """
    )
    with pytest.raises(OfflineError, match=r"registered twice, at program\.py:4 and program\.py:5"):
        record("one", root=root)


def test_a_program_that_raises_is_reported_with_its_line(make_program: MakeProgram) -> None:
    root = make_program('raise ValueError("weights: [1]; accepted: two that sum to 100")')
    with pytest.raises(
        OfflineError, match=r"demo one: program\.py:3: ValueError: weights: \[1\]; accepted"
    ):
        record("one", root=root)


def test_a_missing_configuration_key_is_named(make_program: MakeProgram) -> None:
    root = make_program('pulumi.Config().require("domain")')
    with pytest.raises(OfflineError, match="demo:domain"):
        record("one", root=root)


def test_an_unknown_look_up_is_named_with_where_to_add_it(make_program: MakeProgram) -> None:
    root = make_program("aws.ec2.get_key_pair(key_name='k')")
    with pytest.raises(OfflineError, match=r"getKeyPair; add one to FIXTURES in ops\.offline"):
        record("one", root=root)


def test_an_input_that_never_resolves_ends_at_the_deadline(make_program: MakeProgram) -> None:
    root = make_program(
        """
        import asyncio
        async def never():
            await asyncio.Event().wait()
        aws.ec2.Eip("address", domain=never())
        """
    )
    project = load_project("one", root=root)
    with pytest.raises(OfflineError, match=r"not finished after 0\.5 s"):
        run_program(project, PlaceholderProvider(region="eu-west-1"), deadline=0.5)


def test_what_a_program_says_is_kept_and_debugging_is_not(make_program: MakeProgram) -> None:
    root = make_program('pulumi.log.debug("quiet")\npulumi.log.warn("T4 is below 8.0")')
    assert [(item.severity, item.message) for item in record("one", root=root).diagnostics] == [
        ("warning", "T4 is below 8.0")
    ]


def test_declared_aliases_become_urns(make_program: MakeProgram) -> None:
    root = make_program(
        """
        class Pair(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("demo:x:Pair", name, None, opts)
                aws.ec2.Eip(f"{name}-address", opts=pulumi.ResourceOptions(parent=self))
        Pair("new", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        """
    )
    address = record("one", root=root).one("aws:ec2/eip:Eip")
    assert address.alias_urns == ("urn:pulumi:one::demo::demo:x:Pair$aws:ec2/eip:Eip::old-address",)


def test_what_exists_already_is_read_under_the_given_id(make_program: MakeProgram) -> None:
    root = make_program(
        'pulumi.export("range", aws.ec2.Vpc.get("shared", "vpc-0123456789abcdef0").cidr_block)'
    )
    recording = record("one", root=root)
    [shared] = recording.of_type("aws:ec2/vpc:Vpc")
    assert (shared.read, shared.import_id) == (True, "vpc-0123456789abcdef0")
    assert recording.outputs["range"] == "${Vpc.shared.cidrBlock}"


def test_what_is_taken_over_is_no_new_resource_and_known_by_its_id(
    make_program: MakeProgram,
) -> None:
    root = make_program(
        'aws.ec2.Vpc("v", opts=pulumi.ResourceOptions(import_="vpc-0123456789abcdef0"))'
    )
    adopted = record("one", root=root).one("aws:ec2/vpc:Vpc")
    assert (adopted.read, adopted.import_id) == (False, "vpc-0123456789abcdef0")


def test_a_second_checkouts_modules_do_not_leak_into_the_run(tmp_path: Path) -> None:
    """Two revisions of one program, run in one process, each see their own modules."""
    answers = []
    for number in (1, 2):
        root = tmp_path / str(number)
        (root / "twin").mkdir(parents=True)
        (root / "Pulumi.yaml").write_text("name: twin\nmain: twin/\n")
        (root / "Pulumi.one.yaml").write_text("config: {}\n")
        (root / "twin" / "__init__.py").touch()
        (root / "twin" / "part.py").write_text(f"NUMBER = {number}\n")
        (root / "twin" / "__main__.py").write_text(
            "import pulumi\nfrom twin.part import NUMBER\npulumi.export('number', NUMBER)\n"
        )
        answers.append(record("one", root=root).outputs["number"])
    assert answers == [1, 2]
    assert "twin" not in sys.modules
