"""The program of every stack, run whole, in a preview and in an update.

Proves what the program registers and exports. It does not prove that AWS accepts it: the offline
tests apply the same graph to moto, and only `pulumi preview` asks AWS itself.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from infra.boot import read_user_data
from infra.outputs import Outputs, StackOutputs, endpoint, inner
from infra.policies.engine.judging import judge
from infra.policies.engine.recorded import read
from infra.policies.exemptions import EXEMPTIONS
from infra.policies.pack import policies
from ops.offline.engine import wire
from ops.offline.engine.recording import Recording
from tests.infra.building import ROOT, STACKS, changed_stack, compared, plain_components, stack
from tests.infra.trees import FOLDER, tree
from tests.support.cases import few

pytestmark = pytest.mark.xdist_group("infra-program")

PREVIEWS = [
    pytest.param(name, preview, id=f"{name}-{kind}")
    for name in STACKS
    for preview, kind in ((True, "preview"), (False, "update"))
]
BEFORE_REVIEWS = min(exemption.review for exemption in EXEMPTIONS)
SCHEMA = ROOT.parent / "shared" / "schemas" / "pulumi-project.json"


@pytest.mark.parametrize("name", STACKS)
def test_the_stack_consists_of_exactly_the_resources_in_its_tree(name: str) -> None:
    """After a change that is meant: `python -m tests.infra.trees`."""
    assert tree(stack(name)) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", STACKS)
def test_a_preview_registers_the_same_resources_as_an_update(name: str) -> None:
    assert set(stack(name, preview=True).resources) == set(stack(name).resources)


@pytest.mark.parametrize(("name", "preview"), PREVIEWS)
def test_every_resource_lies_in_a_component_and_bears_its_name(name: str, preview: bool) -> None:
    recording = stack(name, preview=preview)
    for resource in recording.resources.values():
        if resource.custom and not resource.type.startswith("pulumi:"):
            parent = recording.resources[resource.parent]
            assert parent.type.startswith("perch:infra:"), resource.urn
            assert resource.name.startswith(parent.name), resource.urn
    for component in plain_components(recording):
        assert component.name.startswith(f"perch-{name}"), component.urn


@pytest.mark.parametrize("name", STACKS)
def test_one_provider_makes_everything_with_the_same_tags(name: str) -> None:
    recording = stack(name)
    provider = recording.one("pulumi:providers:aws")
    custom = [one for one in recording.resources.values() if one.custom and one.urn != provider.urn]
    made = [one for one in custom if not one.type.startswith("pulumi:")]
    assert {one.provider for one in made} == {provider.urn}
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {"Project": "perch", "Environment": name, "Owner": tags["Owner"]}


@pytest.mark.parametrize("name", STACKS)
def test_machines_and_their_volumes_bear_the_tags_too(name: str) -> None:
    """Default tags stop at what Pulumi makes; auto scaling makes the machines."""
    for colour in ("blue", "green"):
        template = stack(name).one(
            "aws:ec2/launchTemplate:LaunchTemplate", f"perch-{name}-{colour}"
        )
        for specification in template.inputs["tagSpecifications"]:
            assert specification["tags"]["Environment"] == name
            assert specification["tags"]["Colour"] == colour
        kinds = {one["resourceType"] for one in template.inputs["tagSpecifications"]}
        assert kinds == {"instance", "volume", "network-interface"}


def keys(value: object, path: str = "") -> set[str]:
    """Every path of a nested map."""
    if not isinstance(value, Mapping):
        return {path}
    return set().union(*(keys(inner, f"{path}.{key}") for key, inner in value.items()))


@pytest.mark.parametrize(("name", "preview"), PREVIEWS)
def test_the_outputs_are_the_same_contract_in_every_stack(name: str, preview: bool) -> None:
    """Pulumi drops a null at the top of the outputs; a reader takes what is absent as null."""
    absent = contract() - keys(stack(name, preview=preview).outputs)
    assert keys(stack(name, preview=preview).outputs) <= contract()
    elsewhere = {".ca_certificate_path", ".riva_fallback_endpoints"}
    assert absent <= {*elsewhere, ".connect_endpoint_id"}
    # Both are of the one stack that runs on this machine.
    assert bool(absent & elsewhere) == (name != "local")


def contract() -> set[str]:
    """The paths of `StackOutputs`."""

    def names(schema: type[Outputs], prefix: str) -> set[str]:
        found: set[str] = set()
        for name in schema.model_fields:
            group = inner(schema, name)
            found |= names(group, f"{prefix}.{name}") if group else {f"{prefix}.{name}"}
        return found

    return names(StackOutputs, "")


TLS_SECRETS = {
    *("recogniser_tls", "riva_api_key", "riva_tls_ca", "riva_tls_certificate", "riva_tls_key")
}
NULLABLE = {
    *("ca_certificate_path", "connect_endpoint_id", "language_groups", "model", "ngc_api_key"),
    "riva_fallback_endpoints",
    *TLS_SECRETS,
}


@pytest.mark.parametrize("name", STACKS)
def test_no_output_is_null_but_those_that_may_be(name: str) -> None:
    def check(value: object, key: str) -> None:
        if isinstance(value, Mapping):
            for inner, content in value.items():
                check(content, inner)
        else:
            assert value is not None or key in NULLABLE, key

    check(stack(name).outputs, "")
    assert ("ca_certificate_path" in stack(name).outputs) == (name == "local")


def test_addresses_leave_out_the_port_only_where_it_is_the_usual_one() -> None:
    assert endpoint("https", "a.example", 443) == "https://a.example"
    assert endpoint("wss", "localhost", 8443) == "wss://localhost:8443"
    assert stack("local").outputs["websocket_url"] == "wss://localhost:8443"
    assert stack("prod").outputs["endpoint_url"] == "https://perch.example.com"


def test_local_colours_have_ports_of_their_own_and_others_share_them() -> None:
    def ports(recording: Recording, colour: str) -> set[int]:
        told = recording.outputs["colours"][colour]
        return {told["gateway_port"], told["riva_grpc_port"], told["riva_http_port"]}

    assert not ports(stack("local"), "blue") & ports(stack("local"), "green")
    assert ports(stack("prod"), "blue") == ports(stack("prod"), "green") == {8080, 50051, 9000}


@pytest.mark.parametrize("name", STACKS)
def test_pulumi_makes_the_listener_but_never_turns_its_weights_back(name: str) -> None:
    """`perch canary` turns the weights by the ELB API while a release is under way.

    Were they compared at the next `pulumi up`, a rollback or a canary in progress would be undone
    by a change that has nothing to do with it. The test group's existence stays Pulumi's: the
    actions are given once, with both groups in them, and then left alone.
    """
    recording = stack(name)
    listener = recording.one("aws:lb/listener:Listener", f"perch-{name}-https")
    assert listener.options["ignoreChanges"] == ["defaultActions"]
    [action] = listener.inputs["defaultActions"]
    groups = action["forward"]["targetGroups"]
    assert [group["weight"] for group in groups] == [
        recording.outputs["colours"][colour]["weight"] for colour in ("blue", "green")
    ]
    assert action["forward"]["stickiness"] == {"enabled": False, "duration": 1}


@pytest.mark.parametrize("name", STACKS)
def test_pulumi_makes_the_switch_but_never_turns_it_back(name: str) -> None:
    """Somebody turns it in an emergency; test_component_rules.py says more."""
    parameter = stack(name).one("aws:ssm/parameter:Parameter", f"perch-{name}-recognition")
    assert parameter.options["ignoreChanges"] == ["value"]
    assert parameter.inputs["value"] == "on"


@pytest.mark.parametrize(
    ("weights", "first"), [((100, 0), "blue"), ((40, 60), "green"), ((50, 50), "blue")]
)
def test_in_service_is_first_the_colour_with_the_greater_share(
    weights: tuple[int, int], first: str
) -> None:
    shares: dict[str, object] = {
        colour: {"weight": weight, "max_machines": 1}
        for colour, weight in zip(("blue", "green"), weights, strict=True)
    }
    recording = changed_stack("dev", shares)
    parameter = recording.one("aws:ssm/parameter:Parameter", "perch-dev-in-service")
    assert parameter.inputs["name"] == recording.outputs["in_service_parameter_name"]
    assert parameter.inputs["value"] == first


FALLBACK = {"endpoints": ["10.9.0.7:50051/9000", "10.9.0.8:50051/0"], "cidrs": ["10.9.0.0/24"]}


def test_a_fallback_is_told_to_gateways_and_let_out_to() -> None:
    recording = changed_stack("staging", {"gateway": {"fallback": FALLBACK}})
    listed = "10.9.0.7:50051/9000,10.9.0.8:50051/0"
    assert recording.outputs["riva_fallback_endpoints"] == listed
    for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        text = read_user_data(template.inputs["userData"])
        assert f'RIVA_FALLBACK_ENDPOINTS="{listed}"' in text
    added = [
        (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"])
        for rule in recording.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        if rule.inputs.get("cidrIpv4") == "10.9.0.0/24"
    ]
    assert sorted(added) == [("10.9.0.0/24", port, port) for port in (9000, 50051)]
    # The prior path's own gRPC port breaks no policy, as long as its range is named.
    assert not judge(policies(on=BEFORE_REVIEWS), read(recording.as_document()))


def test_a_collector_of_traces_is_told_to_gateways_by_colour_and_let_out_to() -> None:
    traces = {
        "endpoint": "http://10.7.0.7:4317",
        "cidrs": ["10.7.0.0/24"],
        "protocol": "grpc",
        "sample_percent": 5,
    }
    recording = changed_stack("staging", {"gateway": {"traces": traces}})
    told = Counter(
        line
        for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate")
        for line in map(str.strip, read_user_data(template.inputs["userData"]).splitlines())
        if line.startswith("OTEL_")
    )
    named = 'OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging,perch.colour={}"'
    assert told == {
        'OTEL_EXPORTER_OTLP_ENDPOINT="http://10.7.0.7:4317"': 2,
        'OTEL_EXPORTER_OTLP_PROTOCOL="grpc"': 2,
        'OTEL_TRACES_SAMPLER="parentbased_traceidratio"': 2,
        'OTEL_TRACES_SAMPLER_ARG="0.05"': 2,
        named.format("blue"): 1,
        named.format("green"): 1,
    }
    (way,) = [
        rule.inputs
        for rule in recording.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        if rule.inputs.get("cidrIpv4") == "10.7.0.0/24"
    ]
    assert (way["fromPort"], way["toPort"]) == (4317, 4317)
    assert not judge(policies(on=BEFORE_REVIEWS), read(recording.as_document()))


def test_a_prometheus_is_let_in_from_its_ranges_to_the_exporter_alone() -> None:
    recording = changed_stack("staging", {"network": {"scrape_cidrs": ["10.8.0.0/16"]}})
    (rule,) = [
        rule.inputs
        for rule in recording.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if rule.inputs.get("cidrIpv4") == "10.8.0.0/16"
    ]
    assert (rule["fromPort"], rule["toPort"]) == (9400, 9400)
    for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        text = read_user_data(template.inputs["userData"])
        assert "IPAddressAllow=localhost 10.8.0.0/16\n" in text
        assert 'PERCH_EXPORTER_HOST="0.0.0.0"' in text
    assert not judge(policies(on=BEFORE_REVIEWS), read(recording.as_document()))


def test_every_gateway_of_an_environment_shares_keys_and_has_the_stacks_slots() -> None:
    recording = changed_stack("dev", {"gateway": {"max_sessions": 30, "riva_streams": 24}})
    outputs = recording.outputs
    assert (outputs["gateway_max_sessions"], outputs["riva_endpoint_streams"]) == (30, 24)
    keys = outputs["secret_arns"]["gateway_resume_keys"]
    for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        text = read_user_data(template.inputs["userData"])
        assert f"resume-keys={keys}" in text
        for line in (
            'APP_RESUME_KEYS_FILE="/run/perch/files/resume-keys"',
            'APP_RECOGNITION_FILE="/run/perch/recognition/word"',
            'APP_TRUSTED_PROXIES="10.64.0.0/16"',
            'WS_MAX_CONCURRENT_SESSIONS="30"',
            'WS_MAX_CONNECTIONS="110"',
            'RIVA_ENDPOINT_STREAMS="24"',
            'RIVA_FALLBACK_ENDPOINTS=""',
        ):
            assert line in text


@pytest.mark.parametrize("name", few(STACKS, ("local", "prod")))
def test_every_gateway_answers_to_the_names_of_its_environment_alone(name: str) -> None:
    config: dict[str, object] = {"domain": {"alternative_names": ["other.example.com"]}}
    recording = changed_stack(name, config)
    host = urlsplit(recording.outputs["endpoint_url"]).hostname
    templates = recording.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert templates
    for template in templates:
        text = read_user_data(template.inputs["userData"])
        assert f'APP_ALLOWED_HOSTS="{host},other.example.com"' in text


@pytest.mark.parametrize("name", STACKS)
def test_user_data_is_known_in_a_preview_but_for_what_aws_makes_up(name: str) -> None:
    """Secrets' ARNs end in letters AWS chooses; only a stack that exists shows a real diff."""
    templates = stack(name, preview=True).of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert {template.inputs["userData"] for template in templates} == {wire.UNKNOWN}


def test_changing_one_image_tag_changes_one_colours_template_alone() -> None:
    image = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.4.0"
    before, after = stack("dev"), changed_stack("dev", {"green": {"image": image}})
    changed = {
        one.name
        for urn, one in after.resources.items()
        if compared(one) != compared(before.resources[urn])
    }
    assert set(after.resources) == set(before.resources)
    assert changed == {"perch-dev-green"}


def test_a_bundle_a_pinned_image_and_an_old_gpu_are_used_as_asked_and_warned_of() -> None:
    recording = changed_stack(
        "dev",
        {
            "blue": {
                "gateway_tag": None,
                "gateway_bundle": "gateway/perch-0.1.0.tar.gz",
                "gateway_sha256": "0" * 64,
                "ami_id": "ami-0123456789abcdef0",
                "image": "nvcr.io/nim/nvidia/parakeet-0-6b-ctc-en-us:1.3.0",
                "selector": "mode=str",
                "instance_types": ["g4dn.xlarge", "g4dn.2xlarge"],
            }
        },
    )
    told = recording.outputs["colours"]["blue"]
    assert told["gateway_artifact"] == (
        "s3://perch-dev-artefacts-123456789012-us-east-2/gateway/perch-0.1.0.tar.gz"
    )
    template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", "perch-dev-blue")
    assert template.inputs["imageId"] == told["ami_id"] == "ami-0123456789abcdef0"
    warned = [one.message for one in recording.diagnostics]
    assert any("g4dn.xlarge (T4) is below" in message for message in warned)


def test_an_adopted_vpc_is_used_and_none_is_made() -> None:
    recording = changed_stack(
        "staging",
        {
            "network": {
                "interface_endpoints": False,
                "adopt": {
                    "vpc_id": "vpc-0123456789abcdef0",
                    "public_subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
                    "private_subnet_ids": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
                },
            }
        },
    )
    assert recording.outputs["vpc_id"] == "vpc-0123456789abcdef0"
    # Its range is not known, so every client looks like the load balancer and has all there is;
    # unless clients have tokens, as they do here.
    template = recording.one("aws:ec2/launchTemplate:LaunchTemplate", "perch-staging-blue")
    assert "WS_CLIENT_SHARE" not in read_user_data(template.inputs["userData"])
    assert recording.of_type("aws:ec2/vpc:Vpc") == ()
    assert recording.of_type("aws:ec2/subnet:Subnet") == ()
    group = recording.one("aws:autoscaling/group:Group", "perch-staging-blue")
    assert group.inputs["vpcZoneIdentifiers"] == [
        "subnet-0000000000000000c",
        "subnet-0000000000000000d",
    ]


def test_a_wrong_stack_says_everything_and_makes_nothing() -> None:
    with pytest.raises(Exception, match="2 problem") as refused:
        changed_stack("dev", {"network": {"zones": 7}, "green": {"weight": 5}})
    assert "network.zones is 7" in str(refused.value)
    assert "blue.weight and green.weight is 100 and 5" in str(refused.value)


def test_no_module_of_the_program_hides_one_of_python() -> None:
    """`pulumi up` puts infra/ itself on the path, where secrets.py would be everybody's secrets."""
    entries = {path.stem for path in (ROOT / "infra").iterdir()}
    ours = entries - {"__init__", "__main__", "__pycache__"}
    assert {"outputs", "config", "network"} <= ours
    assert not ours & set(sys.stdlib_module_names)


def test_the_project_file_is_what_pulumi_accepts() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["name"] == "perch"
    assert (ROOT / project["main"] / "__main__.py").is_file()
    assert (ROOT / project["stackConfigDir"] / "Pulumi.local.yaml").is_file()
    if SCHEMA.is_file():
        jsonschema.validate(project, json.loads(SCHEMA.read_text(encoding="utf-8")))
