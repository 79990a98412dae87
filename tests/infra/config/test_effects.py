"""What the page says a change of a key does is what the plan does, key by key.

Each key is changed alone, with whatever its rules ask for, and the recordings before and after are
compared. Which inputs AWS changes in place is `ops.offline.diff.rules`' knowledge, from the
provider's schemas; that it is right, only a real account shows.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final

import pytest

from infra.config.effects import EFFECTS, WHERE_DISPOSABLE, Effect, effect_of
from infra.config.sections import Settings
from infra.reading.reader import Key, keys_of
from ops.offline.diff.compare import compare
from ops.offline.diff.model import Change, Comparison, Op
from ops.offline.engine.recording import Recording
from ops.offline.errors import OfflineError
from tests.infra.building import changed_stack
from tests.support.cases import few

Config = Mapping[str, Any]

PROD: Final[Config] = {
    "gateway": {
        "fallback": {"endpoints": ["10.9.0.7:50051/9000"], "cidrs": ["10.9.0.0/24"]},
        "traces": {"endpoint": "http://10.7.0.7:4318", "cidrs": ["10.7.0.0/24"]},
    },
    "scaling": {
        "idle_minutes": 60,
        "office_hours": {"start": "0 8 * * *", "stop": "0 19 * * *"},
    },
    "blue": {
        "min_machines": 0,
        "start_machines": 1,
        "language_groups": {
            "german": {
                "languages": ["de-DE"],
                "endpoints": ["10.8.0.7:50051/9000"],
                "cidrs": ["10.8.0.0/24"],
            }
        },
    },
    "access": {"anywhere_on_other_ports": True},
}
"""Laid over prod, so that every group of keys is there to be changed."""

SUBNETS: Final = {
    "vpc_id": "vpc-0123456789abcdef0",
    "public_subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000b"],
    "private_subnet_ids": ["subnet-0000000000000000c", "subnet-0000000000000000d"],
}
ADOPTED: Final[Config] = {"network": {"adopt": SUBNETS}}
NAMED: Final[Config] = {"network": {"zone_names": ["us-east-2a", "us-east-2b", "us-east-2c"]}}
BUNDLE: Final[Config] = {
    "blue": {
        "gateway_tag": None,
        "gateway_bundle": "gateway/perch-0.1.0.tar.gz",
        "gateway_sha256": "0" * 64,
    }
}
KNOWN_ELSEWHERE: Final[Config] = {
    "gateway": {"environment": {"APP_JWT_KEYS_URL": "https://issuer.example/keys"}}
}
"""An issuer says who may connect, so the list of tokens may go."""
OFFICE: Final[Config] = {
    "access": {"allowed_cidrs": ["203.0.113.0/24"]},
    "gateway": {"tokens": False, "anonymous": True},
}
DISPOSABLE: Final[Config] = {
    "disposable": True,
    "load_balancer": {"deletion_protection": False},
}
UNPINNED: Final[Config] = {
    **DISPOSABLE,
    "blue": {"ami_id": None},
    "green": {"ami_id": None},
}
COPIED_IMAGE: Final = "123456789012.dkr.ecr.us-east-2.amazonaws.com/nim/parakeet:1.5.0"
OTHER_IMAGE: Final = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.4.0"
CERTIFICATE: Final = (
    "arn:aws:acm:us-east-2:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
)

BEFORE: Final[Mapping[str, Config]] = {
    "network.zone_names": NAMED,
    "network.adopt.vpc_id": ADOPTED,
    "network.adopt.public_subnet_ids": ADOPTED,
    "network.adopt.private_subnet_ids": ADOPTED,
    "gateway.fallback.server_name": {"gateway": {"fallback": {"tls": "public_ca"}}},
    "gateway.tokens": KNOWN_ELSEWHERE,
    "gateway.anonymous": {"access": {"allowed_cidrs": ["203.0.113.0/24"]}},
    "gateway.recogniser_key": {
        "gateway": {"fallback": {"tls": "public_ca"}},
        "blue": BUNDLE["blue"] | {"language_groups": {"german": {"tls": "public_ca"}}},
        "green": BUNDLE["blue"],
    },
    "blue.ngc_key": {"blue": {"image": COPIED_IMAGE}},
    "blue.rmirs": {"blue": {"runtime": "riva"}},
    "blue.gateway_sha256": BUNDLE,
    "blue.min_machines": {"scaling": {"idle_minutes": None, "office_hours": None}},
    "blue.on_demand_base": {"blue": {"spot_percent": 50}},
    "blue.snapshot_mib_per_second": {"blue": {"snapshot_id": "snap-0123456789abcdef0"}},
    "access.anywhere_on_other_ports": {"access": {"anywhere_on_other_ports": False}},
}
"""Key -> what must stand there for it to be changed at all."""

NEW: Final[Mapping[str, object]] = {
    "owner": "another team",
    "account_id": "123456789012",
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/perch-ci-boundary-dev",
    "disposable": DISPOSABLE,
    "tags": {"CostCentre": "1"},
    "network.cidr": "10.70.0.0/16",
    "network.zones": 2,
    "network.zone_names": ["us-east-2b", "us-east-2a", "us-east-2c"],
    "network.nat": "single",
    "network.interface_endpoints": False,
    "network.flow_logs": False,
    "network.connect_endpoint": True,
    "network.scrape_cidrs": ["10.8.0.0/16"],
    "network.adopt.vpc_id": "vpc-1123456789abcdef0",
    "network.adopt.public_subnet_ids": ["subnet-0000000000000000a", "subnet-0000000000000000e"],
    "network.adopt.private_subnet_ids": ["subnet-0000000000000000c", "subnet-0000000000000000f"],
    "access.allowed_cidrs": ["203.0.113.0/24"],
    "access.anywhere_on_other_ports": True,
    "domain.name": "new.perch.example.com",
    "domain.alternative_names": ["other.perch.example.com"],
    "domain.zone_id": "Z00000000000000ANOTHER",
    "domain.external_dns": {"domain": {"zone_id": None, "external_dns": True}},
    "certificate.arn": CERTIFICATE,
    "certificate.ca_path": "ca.pem",
    "load_balancer.port": 8443,
    "load_balancer.http_redirect": True,
    "load_balancer.internal": True,
    "load_balancer.tls_policy": "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "load_balancer.idle_timeout_seconds": 400,
    "load_balancer.deletion_protection": False,
    "load_balancer.access_logs": False,
    "load_balancer.direct_header": "X-Colour",
    "load_balancer.direct_cidrs": ["198.51.100.0/24"],
    "load_balancer.waf": False,
    "load_balancer.waf_requests_per_5_minutes": 3000,
    "gateway.ping_seconds": 30,
    "gateway.drain_seconds": 120,
    "gateway.tokens": False,
    "gateway.anonymous": OFFICE,
    "gateway.recogniser_key": True,
    "gateway.max_sessions": 65,
    "gateway.riva_streams": 24,
    "gateway.recognition": "off",
    "gateway.fallback.endpoints": ["10.9.0.8:50051/9000"],
    "gateway.fallback.cidrs": ["10.9.0.0/25"],
    "gateway.fallback.tls": "public_ca",
    "gateway.fallback.server_name": "riva.example.org",
    "gateway.traces.endpoint": "http://10.7.0.8:4318",
    "gateway.traces.cidrs": ["10.7.0.0/25"],
    "gateway.traces.protocol": "grpc",
    "gateway.traces.sample_percent": 10,
    "gateway.dialects": [],
    "gateway.environment": {"WS_IDLE_TIMEOUT_S": "90"},
    "blue.image": OTHER_IMAGE,
    "blue.runtime": "riva",
    "blue.selector": "mode=str-thr,vad=silero,type=default",
    "blue.model": "parakeet",
    "blue.language_groups.<name>.endpoints": ["10.8.0.8:50051/9000"],
    "blue.language_groups.<name>.cidrs": ["10.8.0.0/25"],
    "blue.language_groups.<name>.tls": "public_ca",
    "blue.language_groups.<name>.server_name": "riva.example.org",
    "blue.language_groups.<name>.languages": ["de-DE", "de-AT"],
    "blue.language_groups.<name>.model": "conformer-de",
    "blue.language_groups.<name>.streams": 12,
    "blue.recogniser_environment": {"NIM_LOG_LEVEL": "DEBUG"},
    "blue.recogniser_tls": "mtls",
    "blue.ngc_key": False,
    "blue.rmirs": ["riva/parakeet.rmir"],
    "blue.gateway_tag": "0.2.0",
    "blue.gateway_bundle": BUNDLE,
    "blue.gateway_sha256": "1" * 64,
    "blue.instance_types": ["g6.4xlarge", "g6.2xlarge"],
    "blue.min_machines": 1,
    "blue.max_machines": 9,
    "blue.start_machines": 2,
    "blue.spot_percent": 50,
    "blue.on_demand_base": 1,
    "blue.weight": {"blue": {"weight": 90}, "green": {"weight": 10}},
    "blue.volume_gib": 300,
    "blue.snapshot_id": "snap-0123456789abcdef0",
    "blue.snapshot_mib_per_second": 300,
    "blue.instance_store": False,
    "blue.ami_parameter": "/another/parameter",
    "blue.ami_id": "ami-0123456789abcdef0",
    "blue.gateway_port": 8081,
    "blue.riva_grpc_port": 50052,
    "blue.riva_http_port": 9001,
    "scaling.streams_per_machine": 30,
    "scaling.idle_minutes": 90,
    "scaling.ready_minutes": 60,
    "scaling.office_hours.start": "0 7 * * *",
    "scaling.office_hours.stop": "0 20 * * *",
    "scaling.office_hours.time_zone": "Europe/Berlin",
    "observability.log_retention_days": 400,
    "observability.alarm_emails": ["somebody@example.com"],
    "observability.monthly_budget_usd": 7000,
}
"""Key -> another value; a map where rules ask for more than one key at a time."""

TRAFFIC: Final = {
    "aws:autoscaling/group:Group",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:lb/listener:Listener",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:lb/targetGroup:TargetGroup",
}
"""Types whose replacement would be an outage: no key may have one."""


def merged(*configs: Config) -> dict[str, Any]:
    """Lay configurations over each other, group by group."""
    found: dict[str, Any] = {}
    for name, value in chain.from_iterable(config.items() for config in configs):
        match found.get(name), value:
            case dict() as old, dict() as new:
                found[name] = merged(old, new)
            case _:
                found[name] = value
    return found


def change_of(key: str) -> dict[str, Any]:
    """The configuration that changes a key."""
    value = NEW[key]
    *groups, last = key.replace("<name>", "german").split(".")
    if isinstance(value, dict) and set(value) & set(Settings.model_fields):
        return value
    config: dict[str, Any] = {last: value}
    for group in reversed(groups):
        config = {group: config}
    return config


@functools.cache
def _recorded(written: str) -> Recording:
    return changed_stack("prod", json.loads(written))


def before(key: str, *, disposable: bool) -> dict[str, Any]:
    return merged(PROD, UNPINNED if disposable else {}, BEFORE.get(key, {}))


def plan(config: Config, *changes: Config) -> Comparison | None:
    """What a change does; None where the program refuses it."""
    base = _recorded(json.dumps(config, sort_keys=True))
    try:
        after = changed_stack("prod", merged(config, *changes), last_outputs=base.outputs)
    except OfflineError as error:
        if "which the stack was made with" not in str(error):
            raise
        return None
    names = ("before", "after")
    return compare(base.as_document(), after.as_document(), stack="prod", names=names)


def effects(found: Comparison | None) -> set[Effect]:
    """What a plan amounts to, in the page's words."""
    if found is None or any(map(is_refused, found.changes)):
        return {Effect.REFUSED}
    outage = [f"{one.op} {one.name}" for one in found.changes if is_outage(one)]
    assert outage == []
    words = set(chain.from_iterable(map(words_of, found.changes)))
    if words:
        return words
    return {Effect.IN_PLACE if touched(found) else Effect.NOTHING}


def touched(found: Comparison) -> bool:
    return any(one.op is not Op.IGNORED for one in found.changes)


def is_refused(change: Change) -> bool:
    """Pulumi neither replaces nor deletes what is protected."""
    held = bool((change.before or {}).get("options", {}).get("protect"))
    return held and change.op in {Op.REPLACE, Op.DELETE}


def is_outage(change: Change) -> bool:
    return change.op is Op.REPLACE and change.type in TRAFFIC


def words_of(change: Change) -> Iterable[Effect]:
    if change.type == "aws:ec2/launchTemplate:LaunchTemplate" and change.op is Op.UPDATE:
        yield Effect.MACHINES
    gone = change.op in {Op.REPLACE, Op.DELETE}
    if change.type == "aws:acm/certificate:Certificate" and gone:
        yield Effect.CERTIFICATE
    if change.name == "perch-prod-name" and gone:
        yield Effect.NAME


KEYS: Final = [
    path
    for path, known in keys_of(Settings)
    if isinstance(known, Key) and not path.startswith("green.")
]
ITS_OWN: Final = {"disposable"}
"""It takes away what others are refused by."""
TOGETHER: Final = {Effect.NOTHING, Effect.IN_PLACE}


def alone(key: str) -> bool:
    """Whether a key must be looked at by itself: what others do would hide what it does."""
    return key in {*BEFORE, *ITS_OWN} or not set(EFFECTS[key]) <= TOGETHER


def test_every_key_has_its_words_and_a_value_to_change_it_to() -> None:
    assert list(EFFECTS) == list(NEW)
    assert sorted(EFFECTS) == sorted(KEYS)
    assert WHERE_DISPOSABLE.keys() <= EFFECTS.keys()
    with pytest.raises(ValueError, match=r"EFFECTS in infra\.config\.effects lacks blue\.none"):
        effect_of("blue.none")


def test_what_a_key_does_only_when_the_stack_is_made_does_nothing_later() -> None:
    keys = [key for key in KEYS if EFFECTS[key] == (Effect.NOTHING,) and not alone(key)]
    assert len(keys) >= 3
    assert effects(plan(before("", disposable=False), *map(change_of, keys))) == {Effect.NOTHING}


def test_no_change_in_place_touches_a_machine_or_what_carries_traffic() -> None:
    """All of them at once: which of them does something, the slow test below looks at."""
    keys = [key for key in KEYS if EFFECTS[key] == (Effect.IN_PLACE,) and not alone(key)]
    assert len(keys) >= 20
    found = effects(plan(before("", disposable=False), *map(change_of, keys)))
    assert found == {Effect.IN_PLACE}


@pytest.mark.parametrize("key", [key for key in KEYS if Effect.REFUSED in EFFECTS[key]][::4])
def test_what_would_replace_what_carries_traffic_is_refused(key: str) -> None:
    """Some of them: the slow test below has each."""
    found = effects(plan(before(key, disposable=False), change_of(key)))
    assert found == set(EFFECTS[key])


ON_A_DISPOSABLE: Final = [
    key for key in KEYS if Effect.REFUSED in EFFECTS[key] or key in WHERE_DISPOSABLE
]


@pytest.mark.parametrize("key", few(ON_A_DISPOSABLE, ON_A_DISPOSABLE[::4]))
def test_a_disposable_stack_refuses_it_too_or_takes_it_without_an_outage(key: str) -> None:
    """Its protection is off, so what would be an outage must be refused by the program."""
    found = effects(plan(before(key, disposable=True), change_of(key)))
    assert found == set(WHERE_DISPOSABLE.get(key, EFFECTS[key]))


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
def test_a_key_does_what_the_page_says(key: str) -> None:
    found = effects(plan(before(key, disposable=False), change_of(key)))
    assert found == set(EFFECTS[key])


def test_both_colours_are_changed_alike_and_one_at_a_time() -> None:
    found = plan(before("", disposable=False), {"green": {"volume_gib": 300}})
    assert found is not None
    assert {one.name for one in found.changes if one.op is Op.UPDATE} == {"perch-prod-green"}
