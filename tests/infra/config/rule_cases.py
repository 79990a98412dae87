"""Configurations that break each rule, and what is said of them."""

import hashlib

from tests.infra.config.configurations import IMAGE

OLD_IMAGE = "nvcr.io/nim/nvidia/parakeet-0-6b-ctc-en-us:1.3.0"


NEMOTRON = "nvcr.io/nim/nvidia/nemotron-asr-streaming:1.4.0"


NOISE = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(80))


"""Text that compresses badly."""


GERMAN: dict[str, object] = {
    "languages": ["de-DE", "de-AT"],
    "endpoints": ["10.8.0.7:50051/9000"],
    "cidrs": ["10.8.0.0/24"],
}


"""A group of recognisers elsewhere, as small as it may be."""


OPEN: dict[str, object] = {
    "gateway__tokens": False,
    "gateway__anonymous": True,
    "load_balancer__http_redirect": False,
}


"""Clients need to show nothing."""


RULE_CASES: list[tuple[str, dict[str, object], str]] = [
    ("weights_share_everything", {"blue__weight": 90}, "90 and 0; accepted: two numbers whose sum"),
    ("weight_needs_machines", {"blue__max_machines": 0}, "blue.max_machines is 0; accepted: 1 or"),
    ("machine_counts_are_ordered", {"blue__min_machines": 3}, "blue.min_machines is 3; accepted"),
    ("start_fits_the_bounds", {"green__start_machines": 9}, "green.start_machines is 9"),
    (
        "spot_leaves_what_it_says",
        {"green__on_demand_base": 1},
        "green.on_demand_base is 1; accepted: 0, as green.spot_percent is 0",
    ),
    (
        "spot_leaves_what_it_says",
        {"green__on_demand_base": 9, "green__spot_percent": 50},
        "green.on_demand_base is 9; accepted: at most green.max_machines, which is 2",
    ),
    (
        "rate_is_of_a_snapshot",
        {"blue__snapshot_mib_per_second": 300},
        "blue.snapshot_mib_per_second is 300; accepted: null, or blue.snapshot_id as well",
    ),
    (
        "idle_machines_may_go",
        {"scaling__idle_minutes": 60, "blue__min_machines": 1},
        "blue.min_machines is 1; accepted: 0, as scaling.idle_minutes",
    ),
    (
        "clock_leaves_stopping_to_idleness",
        {
            "scaling__office_hours": {"start": "0 8 * * *", "stop": "0 19 * * *"},
            "green__start_machines": 1,
        },
        "scaling.idle_minutes is null; accepted: a number of minutes, as scaling.office_hours",
    ),
    ("ports_differ", {"green__riva_http_port": 8080}, "8080, 50051, 8080; accepted: three"),
    (
        "anywhere_only_on_https",
        {"access__allowed_cidrs": ["0.0.0.0/0"], "load_balancer__port": 8443},
        "access.allowed_cidrs is 0.0.0.0/0 on port 8443",
    ),
    (
        "strangers_are_let_in_on_purpose",
        {**OPEN, "gateway__environment": {"APP_JWT_KEYS_URL": "https://issuer.example/keys"}},
        "gateway.anonymous is true; accepted: false, as gateway.tokens or an issuer",
    ),
    (
        "strangers_are_let_in_on_purpose",
        {"gateway__anonymous": True},
        "gateway.anonymous is true; accepted: false, as gateway.tokens or an issuer",
    ),
    (
        "strangers_are_let_in_on_purpose",
        {"gateway__environment": {"APP_ANONYMOUS": "allowed"}},
        'gateway.environment is "APP_ANONYMOUS"; accepted: gateway.anonymous in its place',
    ),
    (
        "internet_shows_who_it_is",
        {"access__allowed_cidrs": ["0.0.0.0/0"], **OPEN},
        'access.allowed_cidrs is ["0.0.0.0/0"]; accepted: ranges of your own, or gateway.',
    ),
    (
        "internet_shows_who_it_is",
        {"access__allowed_cidrs": ["0.0.0.0/1", "128.0.0.0/1"], **OPEN},
        '["0.0.0.0/1", "128.0.0.0/1"]; accepted: ranges of your own',
    ),
    (
        "internet_shows_who_it_is",
        {"access__allowed_cidrs": ["17.0.0.0/8", "198.51.100.7/32"], **OPEN},
        "and these are the Internet",
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
        "machine_image_is_pinned",
        {"blue__ami_id": None},
        "blue.ami_id is null; accepted: an id ami-..., as disposable is false",
    ),
    (
        "disposable_goes_whole",
        {"disposable": True},
        "load_balancer.deletion_protection is true; accepted: false, as disposable is true",
    ),
    (
        "machines_can_reach_what_they_need",
        {"network__nat": "none"},
        "blue.ngc_key is true; accepted: false, as network.nat is none and models come from the",
    ),
    (
        "nvidias_registry_has_its_key",
        {"green__ngc_key": False},
        f"green.ngc_key is false; accepted: true, or an image elsewhere than {IMAGE}",
    ),
    (
        "models_come_from_somewhere",
        {"blue__rmirs": ["riva/x.rmir"]},
        'blue.rmirs is ["riva/x.rmir"]; accepted: none, or blue.runtime: riva',
    ),
    (
        "machines_could_start",
        {"blue__recogniser_environment": {"NIM_TAGS_SELECTOR": "mode=ofl"}},
        "NIM_TAGS_SELECTOR is set by the machine itself",
    ),
    (
        "machines_could_start",
        {"gateway__environment": {f"WS_{n}": NOISE[400 * n : 400 * (n + 1)] for n in range(12)}},
        "bytes compressed; 3000 fit into user data",
    ),
    (
        "fallback_is_somewhere",
        {"gateway__recognition": "fallback"},
        "gateway.recognition is fallback; accepted: on or off, or gateway.fallback as well",
    ),
    (
        "own_tls_fits_that_to_others",
        {
            "blue__recogniser_tls": "tls",
            "blue__language_groups": {"german": {**GERMAN, "tls": "public_ca"}},
        },
        (
            "blue.recogniser_tls is tls; accepted: off, as blue.language_groups.german.tls is"
            " public_ca"
        ),
    ),
    (
        "own_tls_fits_that_to_others",
        {
            "blue__recogniser_tls": "mtls",
            "blue__language_groups": {"german": {**GERMAN, "tls": "mutual"}},
        },
        (
            "blue.recogniser_tls is mtls; accepted: off or tls, as blue.language_groups.german.tls"
            " is mutual"
        ),
    ),
    (
        "own_tls_fits_that_to_others",
        {
            "green__recogniser_tls": "tls",
            "gateway__fallback": {
                "endpoints": ["10.9.0.7:50051/9000"],
                "cidrs": ["10.9.0.0/24"],
                "tls": "private_ca",
                "server_name": "riva.example.org",
            },
        },
        (
            "green.recogniser_tls is tls; accepted: off, as gateway.fallback.server_name is"
            " riva.example.org"
        ),
    ),
    (
        "ports_elsewhere_exist",
        {
            "gateway__fallback": {
                "endpoints": ["old-riva.example.org:70000/9000"],
                "cidrs": ["10.9.0.0/24"],
            }
        },
        "gateway.fallback.endpoints is old-riva.example.org:70000/9000; accepted: ports of at most",
    ),
    (
        "languages_have_one_group",
        {
            "blue__language_groups": {
                "german": GERMAN,
                "alpine": {**GERMAN, "languages": ["de-at", "DE-de"], "endpoints": ["de2:1/0"]},
            }
        },
        (
            "blue.language_groups.alpine.languages is DE-de; accepted: a language that no other"
            " has; german has it"
        ),
    ),
    (
        "languages_have_one_group",
        {"green__language_groups": {"english": {**GERMAN, "languages": ["en-US"]}}},
        (
            "green.language_groups.english.languages is en-US; accepted: a language that no other"
            " has; the machine's own recogniser has it"
        ),
    ),
    (
        "recognisers_have_one_group",
        {
            "blue__language_groups": {
                "german": GERMAN,
                "french": {**GERMAN, "languages": ["fr-FR"], "endpoints": ["10.8.0.7:50051/0"]},
            }
        },
        (
            "blue.language_groups.french.endpoints is 10.8.0.7:50051/0; accepted: a recogniser that"
            " no other has; german has it"
        ),
    ),
    (
        "tls_has_one_authority",
        {
            "blue__language_groups": {"german": {**GERMAN, "tls": "mutual"}},
            "gateway__fallback": {
                "endpoints": ["10.9.0.7:50051/9000"],
                "cidrs": ["10.9.0.0/24"],
                "tls": "public_ca",
            },
        },
        (
            "blue.language_groups.german.tls is mutual; accepted: none or public_ca, as"
            " gateway.fallback.tls is public_ca"
        ),
    ),
    (
        "a_key_is_never_shown_in_clear",
        {"gateway__recogniser_key": True, "blue__language_groups": {"german": GERMAN}},
        (
            "blue.language_groups.german.tls is none; accepted: public_ca, private_ca or mutual, as"
            " gateway.recogniser_key is true"
        ),
    ),
    (
        "a_key_is_never_shown_in_clear",
        {"gateway__recogniser_key": True},
        (
            "gateway.recogniser_key is true; accepted: false, or blue.recogniser_tls tls or mtls,"
            " or blue.gateway_bundle"
        ),
    ),
    (
        "ports_elsewhere_exist",
        {"blue__language_groups": {"german": {**GERMAN, "endpoints": ["de:99999/0"]}}},
        "blue.language_groups.german.endpoints is de:99999/0; accepted: ports of at most 65535",
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
        "mode=all on g6.2xlarge (L4, 24 GB); accepted: a profile that fits; this one takes 50 GB",
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
    {"blue__language_groups": {"german": GERMAN}, "green__language_groups": {"german": GERMAN}},
    {
        "blue__language_groups": {"english": {**GERMAN, "languages": ["en-US"]}},
        "gateway__environment": {"RIVA_LANGUAGE_CODE": "de-DE"},
    },
    {"gateway__tokens": False, "gateway__anonymous": True},
    {
        **OPEN,
        "access__allowed_cidrs": ["10.0.0.0/8", "172.16.0.0/12", "198.51.100.0/24"],
    },
    {**OPEN, "access__allowed_cidrs": ["0.0.0.0/0"], "load_balancer__internal": True},
    {
        "gateway__tokens": False,
        "gateway__environment": {"APP_JWT_KEYS_URL": "https://issuer.example/keys"},
        "access__allowed_cidrs": ["0.0.0.0/0"],
        "load_balancer__http_redirect": False,
    },
]
