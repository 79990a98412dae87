"""Configuration: every problem is named, all at once, before anything is made."""

import json
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalogue import gpu
from infra.config.colour_rules import warnings_about
from infra.config.name_rules import stack_problems
from infra.config.rules import RULES
from infra.config.sections import Settings
from infra.config.stack import SECRETS, InvalidConfiguration, load, parse
from infra.reading.reader import REQUIRED, Key, keys_of
from ops.offline.errors import OfflineError
from tests.infra.building import STACKS, build, changed_stack, stack
from tests.infra.config.configurations import IMAGE, REMOVED, VALID, valid

OLD_IMAGE = "nvcr.io/nim/nvidia/parakeet-0-6b-ctc-en-us:1.3.0"
NEMOTRON = "nvcr.io/nim/nvidia/nemotron-asr-streaming:1.4.0"


def problems(raw: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in parse(raw)[1]]


def test_the_least_configuration_is_accepted_without_a_warning() -> None:
    settings, found = parse(VALID)
    assert found == []
    assert list(warnings_about(settings)) == []
    assert settings.network.zones == 2
    assert settings.blue.weight == 100
    assert settings.network.adopt is None


def test_numbers_and_flags_may_come_as_text_as_the_cli_stores_them() -> None:
    settings, found = parse(
        valid(network__zones="3", load_balancer__waf="true", blue__weight="100")
    )
    assert found == []
    assert settings.network.zones == 3
    assert settings.load_balancer.waf is True


def test_every_problem_is_reported_at_once_whatever_its_kind() -> None:
    raw = valid(
        owner=REMOVED,
        netwrok={"zones": 2},
        network__zones=5,
        network__cidr="10.64.0.1/16",
        access__allowed_cidrs=["0.0.0.0/0"],
        domain__zone_id=REMOVED,
        blue__image="parakeet:latest",
        blue__instance_types=["g4dn.xlarge", "t3.micro"],
        green__weight=10,
    )
    assert problems(raw) == [
        "netwrok is not a key; accepted: did you mean network?",
        (
            "owner is missing; accepted: 1 to 256 letters, digits and spaces of any script, and"
            " _ . : / = + - @, as AWS takes in tags"
        ),
        (
            'network.cidr is "10.64.0.1/16"; accepted: an IPv4 range /16 to /20 with no host bits'
            " set, such as 10.64.0.0/16"
        ),
        "network.zones is 5; accepted: a whole number from 2 to 3",
        "blue.weight and green.weight is 100 and 10; accepted: two numbers whose sum is 100",
        (
            "access.allowed_cidrs is 0.0.0.0/0 on port 80; accepted: another range, or"
            " access.anywhere_on_other_ports: true, or load_balancer.http_redirect: false"
        ),
        (
            "domain.zone_id is null while domain.name is speech.example.com; accepted: a Route 53"
            " zone id, or domain.external_dns: true when the name is kept elsewhere"
        ),
        (
            'blue.image is "parakeet:latest"; accepted: registry/repository with a pinned tag or'
            " digest, never latest"
        ),
        f"blue.instance_types is t3.micro; accepted: of {', '.join(gpu.MACHINES)}",
        (
            "blue.instance_types is g4dn.xlarge (T4, compute capability 7.5) with parakeet:latest;"
            " accepted: a GPU of compute capability 8.0 or more (no tag of this image runs on it)"
        ),
    ]


RULE_CASES: list[tuple[str, dict[str, object], str]] = [
    ("weights_share_everything", {"blue__weight": 90}, "90 and 0; accepted: two numbers whose sum"),
    ("weight_needs_machines", {"blue__max_machines": 0}, "blue.max_machines is 0; accepted: 1 or"),
    ("machine_counts_are_ordered", {"blue__min_machines": 3}, "blue.min_machines is 3; accepted"),
    ("start_fits_the_bounds", {"green__start_machines": 9}, "green.start_machines is 9"),
    (
        "idle_machines_may_go",
        {"scaling__idle_minutes": 60, "blue__min_machines": 1},
        "blue.min_machines is 1; accepted: 0, as scaling.idle_minutes",
    ),
    ("ports_differ", {"green__riva_http_port": 8080}, "8080, 50051, 8080; accepted: three"),
    (
        "anywhere_only_on_https",
        {"access__allowed_cidrs": ["0.0.0.0/0"], "load_balancer__port": 8443},
        "access.allowed_cidrs is 0.0.0.0/0 on port 8443",
    ),
    ("listener_ports_differ", {"load_balancer__port": 80}, "load_balancer.port is 80"),
    ("domain_has_a_zone", {"domain__external_dns": True}, "domain.external_dns is true; accepted"),
    (
        "idle_timeout_outlives_pings",
        {"load_balancer__idle_timeout_seconds": 60, "gateway__ping_seconds": 31},
        "load_balancer.idle_timeout_seconds is 60; accepted: at least 62",
    ),
    ("zone_names_match", {"network__zone_names": ["us-east-2a"]}, "accepted: 2 names"),
    ("machines_can_reach_what_they_need", {"network__nat": "none"}, "an image in ECR"),
    (
        "fallback_is_somewhere",
        {"gateway__recognition": "fallback"},
        "gateway.recognition is fallback; accepted: on or off, or gateway.fallback as well",
    ),
    (
        "fallback_ports_exist",
        {
            "gateway__fallback": {
                "endpoints": ["old-riva.example.org:70000/9000"],
                "cidrs": ["10.9.0.0/24"],
            }
        },
        "gateway.fallback.endpoints is old-riva.example.org:70000/9000; accepted: ports of at most",
    ),
    ("image_is_pinned", {"green__image": IMAGE.replace("1.5.0", "latest")}, "never latest"),
    ("selector_names_a_mode", {"blue__selector": "vad=silero"}, "a selector with mode= one of str"),
    ("selector_names_a_mode", {"blue__selector": "speed=fast"}, "accepted: key=value parts"),
    ("image_is_pinned", {"blue__image": "not an image"}, 'blue.image is "not an image"'),
    ("domain_has_a_zone", {"domain__zone_id": None}, "domain.zone_id is null while domain.name"),
    ("gateway_comes_one_way", {"blue__gateway_tag": None}, "null and null; accepted: exactly one"),
    ("instance_types_are_known", {"blue__instance_types": ["p3.2xlarge"]}, "is p3.2xlarge"),
    (
        "one_architecture_a_colour",
        {"blue__instance_types": ["g5.xlarge", "g6.xlarge"]},
        "these have ada, ampere",
    ),
    ("gpu_is_supported", {"blue__instance_types": ["g4dn.xlarge"]}, "an image tag of at most 1.3"),
    (
        "machines_could_start",
        {"blue__riva_http_port": 8001},
        "blue: riva_http_port on the machine is refused; accepted: 8001 is Triton's own port",
    ),
    (
        "selector_fits_memory",
        {"blue__selector": "mode=all"},
        "mode=all on g6.xlarge (L4, 24 GB); accepted: a profile that fits; this one takes 50 GB",
    ),
    (
        "tag_keys_are_free",
        {"tags": {"owner": "somebody else"}},
        'tags is "owner" beside Owner, which the program sets; accepted: another key',
    ),
    (
        "tag_keys_are_free",
        {"tags": {"Team": "a", "team": "b"}},
        'tags is "team" beside Team, which differs only in case; accepted: another key',
    ),
    (
        "names_can_be_certified",
        {"domain__name": f"{'a' * 40}.{'b' * 20}.example.com"},
        "accepted: 1 to 64 characters: a host name of two labels or more (AWS Certificate Manager",
    ),
    (
        "names_can_be_certified",
        {"domain__alternative_names": ["speech"]},
        'domain.alternative_names is "speech"; accepted: 1 to 253 characters: a host name of two',
    ),
    (
        "time_zone_exists",
        {
            "scaling__office_hours": {
                "start": "0 7 * * MON-FRI",
                "stop": "0 19 * * MON-FRI",
                "time_zone": "Europe/Berlinn",
            }
        },
        'scaling.office_hours.time_zone is "Europe/Berlinn"; accepted: a name of the IANA',
    ),
]


@pytest.mark.parametrize(
    ("rule", "change", "said"), RULE_CASES, ids=[case[0] for case in RULE_CASES]
)
def test_a_broken_rule_names_the_key_the_value_and_what_is_accepted(
    rule: str, change: dict[str, object], said: str
) -> None:
    found = problems(valid(**change))
    assert any(said in problem for problem in found), (rule, found)


def test_a_group_that_is_no_json_is_named() -> None:
    assert "network is" in problems(valid(network="{zones"))[0]


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule.__name__ for rule in RULES} == {case[0] for case in RULE_CASES}


ACCEPTED: list[dict[str, object]] = [
    {"access__allowed_cidrs": ["0.0.0.0/0"], "load_balancer__http_redirect": False},
    {"access__allowed_cidrs": ["0.0.0.0/0"], "access__anywhere_on_other_ports": True},
    {"domain__zone_id": None, "domain__external_dns": True},
    {"blue__image": OLD_IMAGE, "blue__instance_types": ["g4dn.xlarge"]},
    {"blue__image": NEMOTRON, "blue__selector": "mode=str,type=en-US,batch_size=32"},
    {"blue__image": IMAGE.partition(":")[0] + "@sha256:" + "a" * 64},
    {"blue__selector": "mode=str-thr", "blue__instance_types": ["g6e.xlarge"]},
    {"blue__selector": "mode=all", "blue__instance_types": ["p5.4xlarge"]},
    {"blue__runtime": "riva", "blue__image": "nvcr.io/nvidia/riva/riva-speech:2.19.0"},
    {
        "blue__gateway_tag": None,
        "blue__gateway_bundle": "gateway/perch-0.1.0.tar.gz",
        "blue__gateway_sha256": "0" * 64,
    },
    {"load_balancer__port": 80, "load_balancer__http_redirect": False},
]


@pytest.mark.parametrize("change", ACCEPTED, ids=[next(iter(change)) for change in ACCEPTED])
def test_what_is_allowed_is_accepted(change: dict[str, object]) -> None:
    assert problems(valid(**change)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ACCEPTED[3], "g4dn.xlarge (T4) is below the current Speech NIM's floor"),
        ({"blue__image": OLD_IMAGE}, "is not known; watch the first start"),
        ({"blue__selector": "mode=ofl", "blue__instance_types": ["g6e.xlarge"]}, "files only"),
    ],
)
def test_what_works_but_should_be_known_is_a_warning(change: dict[str, object], said: str) -> None:
    settings, found = parse(valid(**change))
    assert found == []
    assert any(said in warning for warning in warnings_about(settings))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
PATHS = [path for path, _ in keys_of(Settings)]


@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_value_of_any_key_is_read_or_named(path: str, value: object) -> None:
    """Whatever stands there, the answer is settings or problems that name a key, never a crash."""
    settings, found = parse(valid(**{path.replace(".", "__"): value}))
    if not found:
        assert settings.blue.weight + settings.green.weight == 100
    for problem in found:
        assert problem.key
        assert problem.accepted
        assert len(problem.value) <= 400


@given(raw=st.dictionaries(st.sampled_from(list(VALID)) | st.text(max_size=5), VALUES, max_size=4))
def test_any_tree_at_all_is_read_or_named(raw: dict[str, object]) -> None:
    _, found = parse(raw)
    assert found or set(VALID) <= set(raw)


def test_every_default_is_what_its_own_kind_accepts() -> None:
    for path, known in keys_of(Settings):
        if isinstance(known, Key) and known.default is not REQUIRED:
            default = list(known.default) if isinstance(known.default, tuple) else known.default
            assert known.kind.parse(default) == known.default, path


@pytest.mark.parametrize("name", STACKS)
def test_the_stacks_that_ship_are_accepted(name: str) -> None:
    assert stack(name).outputs["environment"] == name


def test_a_secret_in_clear_is_refused_and_not_repeated() -> None:
    with pytest.raises(OfflineError) as refused:
        changed_stack("local", {"ngc_api_key": "not-a-real-key"})  # pragma: allowlist secret
    assert "ngc_api_key is in clear; accepted: a secret" in str(refused.value)
    assert "not-a-real-key" not in str(refused.value)


def test_a_missing_region_is_one_more_problem_in_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)

    def program() -> None:
        config = {f"perch:{key}": _as_config(value) for key, value in valid(owner="").items()}
        pulumi.runtime.set_all_config(config, [])
        with pytest.raises(InvalidConfiguration) as refused:
            load()
        assert [problem.key for problem in refused.value.problems] == ["owner", "aws:region"]
        assert str(refused.value).startswith("stack test: 2 problem(s) in its configuration")

    assert build(program).of_type("aws:ec2/vpc:Vpc") == ()


@pytest.mark.parametrize(
    ("name", "region", "keys"),
    [
        ("dev", "us-gov-west-1", []),
        ("perf-test-eu", "eu-central-1", []),
        ("performance-x", "eu-central-1", ["the stack's name"]),
        ("Dev", "moon", ["the stack's name", "aws:region"]),
        ("2nd", "us-east-2a", ["the stack's name", "aws:region"]),
        ("prod-", "us-east-2", ["the stack's name"]),
    ],
)
def test_a_name_aws_would_refuse_later_is_refused_now(
    name: str, region: str, keys: list[str]
) -> None:
    assert [problem.key for problem in stack_problems(name, region)] == keys


def _as_config(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_secret_keys_are_not_settings() -> None:
    assert not set(SECRETS) & set(PATHS)
