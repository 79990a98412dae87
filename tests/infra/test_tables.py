"""The tables of GPUs, recognisers and alarms: consistent, sourced, and read rightly.

That the figures are true is the sources' word; only a live machine can show it.
"""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.boot.environment import GATEWAY_SERIES
from infra.boot.settings import METRICS_NAMESPACE
from infra.catalogue import gpu, models
from infra.catalogue.regions import partition
from infra.observability.alarm import Alarm
from infra.observability.alarm_table import colour_alarms, entrance_alarms
from infra.observability.dashboard import screen
from tests.infra.building import ROOT

ALARMS = [
    *colour_alarms(min_machines=2, ready_seconds=3300),
    *entrance_alarms(may_be_empty=True),
]
BODY = screen(
    "us-east-2", "test", "app/b/1", {"blue": "tg/b", "green": "tg/g"}, {"blue": "b", "green": "g"}
)


def test_every_gpu_and_every_recogniser_names_a_source_that_is_listed() -> None:
    for module, rows in (
        (gpu, [machine.gpu.source for machine in gpu.MACHINES.values()]),
        (models, [image.source for image in models.IMAGES.values()]),
    ):
        listed = set(re.findall(r"^([A-F])\. ", module.__doc__ or "", flags=re.MULTILINE))
        for row in rows:
            assert set(row.split(", ")) <= listed


def test_only_the_t4_is_below_the_current_floor() -> None:
    below = {machine.gpu.name for machine in gpu.MACHINES.values() if not gpu.current(machine.gpu)}
    assert below == {"T4"}


def test_every_gpu_that_the_support_matrix_lists_is_current_and_no_other() -> None:
    """AWS's A10G and L40S are the matrix's A10 and L40; nothing of a T4's kind is in it."""
    cards = {machine.gpu for machine in gpu.MACHINES.values()}
    assert {card.name: card.listed_as for card in cards if card.listed_as is not None} == {
        "A10G": "A10",
        "L4": "L4",
        "L40S": "L40",
        "A100-SXM4-40GB": "A100",
        "A100-SXM4-80GB": "A100",
        "H100 80GB HBM3": "H100",
    }
    for card in cards:
        assert (card.listed_as is not None) == gpu.current(card)


def test_a_host_is_roomy_where_the_shared_memory_is_a_quarter_of_it() -> None:
    script = (ROOT / "infra" / "boot" / "scripts" / "start-asr+nim").read_text(encoding="utf-8")
    assert f"--shm-size={gpu.SHARED_MEMORY_GB}GB" in script
    assert gpu.ROOMY_HOST_GIB == 4 * gpu.SHARED_MEMORY_GB


def test_a_family_has_one_kind_of_gpu() -> None:
    families: dict[str, set[str]] = {}
    for kind, machine in gpu.MACHINES.items():
        families.setdefault(kind.partition(".")[0], set()).add(machine.gpu.name)
    assert all(len(cards) == 1 for cards in families.values())


def test_a_machine_has_the_processors_of_its_size_and_its_familys_memory_for_each() -> None:
    """EC2's naming: an xlarge of these families has 4 vCPUs, and a size times as many."""
    each: dict[str, set[float]] = {}
    for kind, machine in gpu.MACHINES.items():
        family, _, size = kind.partition(".")
        assert machine.vcpus == 4 * int(size.removesuffix("xlarge") or 1), kind
        each.setdefault(family, set()).add(machine.memory_gib / machine.vcpus)
    # The smallest p5 has more of it for each than an eighth of the largest.
    assert sorted(each.pop("p5")) == [2048 / 192, 16]
    assert {family: sorted(gib) for family, gib in each.items()} == {
        "g4dn": [4],
        "g5": [4],
        "g6": [4],
        "g6e": [8],
        "p4d": [12],
        "p4de": [12],
    }


def test_only_the_large_machines_have_more_than_one_gpu() -> None:
    several = {kind: machine.gpus for kind, machine in gpu.MACHINES.items() if machine.gpus != 1}
    graphics = {
        f"{family}.{size}": number
        for family in ("g5", "g6", "g6e")
        for size, number in (("12xlarge", 4), ("24xlarge", 4), ("48xlarge", 8))
    }
    assert several == {
        **graphics,
        "g4dn.12xlarge": 4,
        **dict.fromkeys(("p4d.24xlarge", "p4de.24xlarge", "p5.48xlarge"), 8),
    }


@pytest.mark.parametrize(
    ("image", "container", "tag", "version"),
    [
        (
            "nvcr.io/nim/nvidia/nemotron-asr-streaming:1.4.0",
            "nemotron-asr-streaming",
            "1.4.0",
            (1, 4),
        ),
        ("localhost:5000/parakeet-tdt-0.6b-v2:v2.1", "parakeet-tdt-0.6b-v2", "v2.1", (2, 1)),
        ("nvcr.io/nim/x", "x", None, None),
        ("nvcr.io/nim/x:latest", "x", "latest", None),
        ("nvcr.io/nim/x@sha256:" + "0" * 64, "x", None, None),
    ],
)
def test_an_image_reference_is_taken_apart(
    image: str, container: str, tag: str | None, version: tuple[int, int] | None
) -> None:
    reference = models.parse_reference(image)
    assert (reference.container, reference.tag, reference.version) == (container, tag, version)


@pytest.mark.parametrize(
    "image", ["", "parakeet", "nvcr.io/Nim/x:1", "nvcr.io/x:1 ", "a/b@sha256:1"]
)
def test_what_is_no_image_reference_is_refused(image: str) -> None:
    with pytest.raises(ValueError, match="is not registry/repository:tag"):
        models.parse_reference(image)


def test_a_selector_is_taken_apart() -> None:
    assert models.parse_selector("mode=str,vad=silero") == {"mode": "str", "vad": "silero"}
    assert models.parse_selector("") == {}


@pytest.mark.parametrize(
    "selector", ["mode", "mode=", "mode=str,mode=ofl", "speed=fast", "mode=str,"]
)
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="is not one of name, mode"):
        models.parse_selector(selector)


@given(
    st.dictionaries(
        st.sampled_from(models.SELECTOR_KEYS), st.from_regex(r"[\w.\-]{1,12}", fullmatch=True)
    )
)
def test_a_selector_written_out_is_read_back(parts: dict[str, str]) -> None:
    written = ",".join(f"{key}={value}" for key, value in parts.items())
    assert models.parse_selector(written) == parts


@pytest.mark.parametrize(
    ("container", "selector", "needed"),
    [
        ("parakeet-1-1b-rnnt-multilingual", "mode=str-thr", 14.75),
        ("parakeet-1-1b-ctc-en-us", "mode=str", None),
        ("nemotron-asr-streaming", "mode=str,batch_size=32", 6.0),
        ("nemotron-asr-streaming", "mode=str", 15.0),
        ("nemotron-asr-streaming", "mode=str,batch_size=512", None),
    ],
)
def test_memory_goes_by_mode_or_by_batch_size(
    container: str, selector: str, needed: float | None
) -> None:
    image = models.IMAGES[container]
    assert models.memory_needed(image, models.parse_selector(selector)) == needed


def test_the_repository_of_an_image_in_ecr_is_found() -> None:
    image = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/nim/parakeet:1.5.0"
    assert models.ecr_repository_arns(image) == [
        "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/nim/parakeet"
    ]
    assert models.ecr_repository_arns("nvcr.io/nim/nvidia/parakeet:1.5.0") == []


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("dkr.ecr.us-west-2.amazonaws.com", "us-west-2"),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("dkr-ecr.ap-south-1.on.aws", "ap-south-1"),
    ],
)
def test_every_host_of_ecr_names_its_region_and_is_given_rights(host: str, region: str) -> None:
    image = f"123456789012.{host}/nim/parakeet:1.5.0"
    assert models.ecr_region(image) == region
    (arn,) = models.ecr_repository_arns(image)
    assert arn.endswith(f":ecr:{region}:123456789012:repository/nim/parakeet")


def test_the_partition_follows_from_the_region() -> None:
    regions = ("us-east-2", "cn-north-1", "us-gov-west-1")
    assert [partition(region) for region in regions] == ["aws", "aws-cn", "aws-us-gov"]


@pytest.mark.parametrize("alarm", ALARMS, ids=[alarm.slug for alarm in ALARMS])
def test_an_alarm_can_be_evaluated_and_says_what_it_means(alarm: Alarm) -> None:
    assert alarm.breaching <= alarm.periods
    assert alarm.why.endswith(".")
    assert alarm.period * alarm.periods <= 86_400
    if alarm.expression is None:
        assert list(alarm.metrics) == ["m"]
    else:
        used = set(re.findall(r"\b[a-z]+\b", alarm.expression))
        assert used == set(alarm.metrics)


def test_alarm_names_are_unique_and_a_colour_may_have_no_machine_on_purpose() -> None:
    slugs = [alarm.slug for alarm in ALARMS]
    assert len(set(slugs)) == len(slugs)
    assert "too-few-machines" not in [alarm.slug for alarm in colour_alarms(0, 3300)]


def published() -> set[str]:
    """Names of the metrics the machines send, read from the scripts and the exporter that do."""
    boot = ROOT / "infra" / "boot"
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (boot / "scripts").iterdir())
    names = set(re.findall(r"\bmetric ([A-Z]\w+) ", scripts))
    exporter = (boot / "host" / "exporter.py").read_text(encoding="utf-8")
    names |= set(re.findall(r'"([A-Z][A-Za-z]+)", "(?:Percent|Megabytes|None)"', exporter))
    names |= set(re.findall(r'values\["([A-Z]\w+)"\] =', exporter))
    names |= set(re.findall(r'\{"([A-Z]\w+)": "Gigabytes"', exporter))
    return names | {pair.rpartition("=")[2].lstrip("+-") for pair in GATEWAY_SERIES.split()}


def test_every_metric_of_ours_that_is_watched_or_shown_is_published_by_the_machines() -> None:
    watched = {
        metric.name
        for alarm in ALARMS
        for metric in alarm.metrics.values()
        if metric.namespace == METRICS_NAMESPACE
    }
    shown = set(re.findall(rf'\["{METRICS_NAMESPACE}", "(\w+)"', json.dumps(BODY)))
    assert watched
    assert shown
    assert watched | shown <= published()


def test_every_failure_that_a_machine_counts_has_an_alarm() -> None:
    watched = {metric.name for alarm in ALARMS for metric in alarm.metrics.values()}
    counted = {name for name in published() if name.endswith("Failures")}
    assert counted >= {"BootFailures", "LogAgentFailures"}
    assert counted <= watched


def test_the_dashboard_is_a_grid_without_holes_and_every_graph_has_a_unit() -> None:
    widgets = BODY["widgets"]
    assert isinstance(widgets, list)
    assert [(one["x"], one["y"]) for one in widgets] == [
        (column, row) for row in (0, 6, 12, 18, 24) for column in (0, 8, 16)
    ]
    for one in widgets:
        shown = one["properties"]
        assert shown["title"]
        assert shown["yAxis"]["left"]["label"]
        assert [
            metric[-1]["label"] for metric in shown["metrics"] if metric[-1].get("visible", True)
        ] == ["blue", "green"]
