"""Configuration: every problem is named, all at once, before anything is made."""

import json
from typing import Any

import pulumi
import pytest

from infra.catalogue import gpu
from infra.config.colour_rules import warnings_about
from infra.config.machine import SECRETS
from infra.config.name_rules import stack_problems
from infra.config.rules import RULES
from infra.config.sections import Settings
from infra.config.stack import InvalidConfiguration, load, parse
from infra.reading.reader import REQUIRED, Key, keys_of
from ops.offline.errors import OfflineError
from tests.infra.building import STACKS, build, changed_stack, stack
from tests.infra.config.configurations import REMOVED, VALID, valid
from tests.infra.config.rule_cases import ACCEPTED, GERMAN, OLD_IMAGE, RULE_CASES


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


@pytest.mark.parametrize(
    ("rule", "change", "said"), RULE_CASES, ids=[case[0] for case in RULE_CASES]
)
def test_a_broken_rule_names_the_key_the_value_and_what_is_accepted(
    rule: str, change: dict[str, object], said: str
) -> None:
    found = problems(valid(**change))
    assert any(said in problem for problem in found), (rule, found)


def test_everything_wrong_with_groups_under_names_of_ones_own_is_reported_at_once() -> None:
    groups = {
        "default": GERMAN,
        "german": {**GERMAN, "languages": ["Deutsch!"], "tsl": "none"},
        "french": "somewhere",
    }
    assert problems(valid(blue__language_groups=groups)) == [
        (
            'blue.language_groups.default is "default"; accepted: a name of 1 to 32 small letters,'
            " digits and _, a letter first; not default, not fallback"
        ),
        "blue.language_groups.german.tsl is not a key; accepted: did you mean tls?",
        (
            'blue.language_groups.german.languages is ["Deutsch!"]; accepted: a list of 1 to 64,'
            " none twice, each a language tag such as de-DE"
        ),
        'blue.language_groups.french is "somewhere"; accepted: a map of keys',
    ]
    [found] = problems(valid(green__language_groups=["german"]))
    assert found.startswith('green.language_groups is ["german"]; accepted: a map of at most 16')


def test_a_group_that_is_no_json_is_named() -> None:
    assert "network is" in problems(valid(network="{zones"))[0]


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule.__name__ for rule in RULES} == {case[0] for case in RULE_CASES}


@pytest.mark.parametrize("change", ACCEPTED, ids=[next(iter(change)) for change in ACCEPTED])
def test_what_is_allowed_is_accepted(change: dict[str, object]) -> None:
    assert problems(valid(**change)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (ACCEPTED[3], "g4dn.xlarge (T4) is below the current Speech NIM's floor"),
        ({"blue__image": OLD_IMAGE}, "is not known; watch the first start"),
        ({"green__spot_percent": 100}, "green: AWS may take every machine back within two minutes"),
        (
            {"green__spot_percent": 50, "green__instance_types": ["g6.2xlarge"]},
            "green: spot machines of one type run out together",
        ),
        ({"green__instance_types": ["g6.xlarge"]}, "green: g6.xlarge has 16 GiB of main memory"),
        (
            {"green__instance_types": ["g6e.12xlarge"]},
            "green: g6e.12xlarge has 4 GPUs, of which the recogniser takes one",
        ),
        ({"blue__selector": "mode=ofl", "blue__instance_types": ["g6e.xlarge"]}, "files only"),
    ],
)
def test_what_works_but_should_be_known_is_a_warning(change: dict[str, object], said: str) -> None:
    settings, found = parse(valid(**change))
    assert found == []
    assert any(said in warning for warning in warnings_about(settings))


def test_every_default_is_what_its_own_kind_accepts() -> None:
    for path, known in keys_of(Settings):
        if isinstance(known, Key) and known.default is not REQUIRED:
            default = list(known.default) if isinstance(known.default, tuple) else known.default
            assert known.kind.parse(default) == known.default, path


@pytest.mark.parametrize("name", STACKS)
def test_the_stacks_that_ship_are_accepted(name: str) -> None:
    assert stack(name).outputs["environment"] == name


def test_all_that_is_wrong_is_one_message_for_a_person() -> None:
    """Of a RunError Pulumi shows the message alone; its own host of languages is not here."""
    assert issubclass(InvalidConfiguration, pulumi.RunError)
    with pytest.raises(OfflineError) as refused:
        changed_stack("local", {"owner": "", "network": {"zones": 9}})
    first, *problems = str(refused.value).splitlines()
    assert first == (
        "perch local: stack local: 2 problem(s) in its configuration, nothing was touched"
    )
    assert [line.split(" is ")[0].strip() for line in problems] == ["owner", "network.zones"]


def test_a_secret_in_clear_is_refused_and_not_repeated() -> None:
    with pytest.raises(OfflineError) as refused:
        changed_stack("local", {"ngc_api_key": "not-a-real-key"})  # pragma: allowlist secret
    assert "ngc_api_key is in clear; accepted: a secret" in str(refused.value)
    assert "not-a-real-key" not in str(refused.value)


def test_a_secret_by_its_former_name_is_refused_with_the_new_one_and_not_repeated() -> None:
    with pytest.raises(OfflineError) as refused:
        changed_stack(
            "local", {"gateway_signing_key": "not-a-real-key"}
        )  # pragma: allowlist secret
    assert (
        "gateway_signing_key is given; accepted: gateway_bearer_tokens, as it is called now: "
        "pulumi config set --secret gateway_bearer_tokens, then pulumi config rm "
        "gateway_signing_key; the secret in AWS stays the same"
    ) in str(refused.value)
    assert "1 problem(s)" in str(refused.value)
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
    assert not set(SECRETS) & {path for path, _ in keys_of(Settings)}


@pytest.mark.parametrize(
    ("nat", "lies_in", "refused"),
    [("none", "us-west-2", True), ("none", "us-east-2", False), ("single", "us-west-2", False)],
)
def test_an_image_of_another_region_is_refused_where_only_endpoints_lead_out(
    nat: str, lies_in: str, *, refused: bool
) -> None:
    image = f"123456789012.dkr.ecr.{lies_in}.amazonaws.com/nim/parakeet:1.5.0"
    colour = {"image": image, "ngc_key": False}
    network = {"nat": nat, "interface_endpoints": True}
    changes: dict[str, object] = {"network": network, "blue": colour, "green": colour}
    if not refused:
        changed_stack("dev", changes)
        return
    with pytest.raises(OfflineError) as failed:
        changed_stack("dev", changes)
    assert f'blue.image is "{image}"; accepted: an image in ECR of us-east-2' in str(failed.value)
