"""What AWS takes as names, descriptions and tags: the table, and that nothing else is registered.

Held against botocore's models of the APIs where these know lengths and patterns. Not proved: that
AWS itself refuses no more than its API references say.
"""

import dataclasses
import json
import re
import sys
import unicodedata
from functools import cache

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import given
from hypothesis import strategies as st

from infra.catalogue.aws_text_rules import RULES
from infra.catalogue.aws_texts import (
    SUFFIX,
    TAG_CHARACTERS,
    TAG_KEY,
    TAG_VALUE,
    TextRule,
    tag_problems,
)
from infra.config.name_rules import LONGEST_STACK_NAME, OWN_TAGS, stack_problems
from infra.config.stack import parse
from infra.policies.rules.texts import RULES as POLICIES
from ops.offline.engine.program import run_program
from ops.offline.errors import OfflineError
from ops.offline.placeholders import PlaceholderProvider
from tests.infra.building import REGION, STACKS, stack
from tests.infra.config.configurations import valid
from tests.support import stacks

pytestmark = pytest.mark.xdist_group("infra-program")

LINES = [
    pytest.param(line, id=f"{kind.rpartition(':')[2]} {line.path}")
    for kind, lines in RULES.items()
    for line in lines
]
TAG_CALLS = (
    ("acm AddTagsToCertificate Tags[].Key", "acm AddTagsToCertificate Tags[].Value"),
    ("autoscaling CreateOrUpdateTags Tags[].Key", "autoscaling CreateOrUpdateTags Tags[].Value"),
    ("cloudwatch TagResource Tags[].Key", "cloudwatch TagResource Tags[].Value"),
    ("elbv2 AddTags Tags[].Key", "elbv2 AddTags Tags[].Value"),
    ("iam TagRole Tags[].Key", "iam TagRole Tags[].Value"),
    ("kms TagResource Tags[].TagKey", "kms TagResource Tags[].TagValue"),
    ("secretsmanager TagResource Tags[].Key", "secretsmanager TagResource Tags[].Value"),
    ("sns TagResource Tags[].Key", "sns TagResource Tags[].Value"),
    ("ssm AddTagsToResource Tags[].Key", "ssm AddTagsToResource Tags[].Value"),
    ("wafv2 TagResource Tags[].Key", "wafv2 TagResource Tags[].Value"),
)
STRICTER = {
    "no ASCII control characters": {
        "autoscaling CreateAutoScalingGroup AutoScalingGroupName",
        "autoscaling PutScalingPolicy PolicyName",
        "autoscaling PutScheduledUpdateGroupAction ScheduledActionName",
        "budgets CreateBudget Budget.BudgetName",
        "cloudwatch PutMetricAlarm Namespace",
        "wafv2 CreateWebACL Description",
    },
    "the page has no colon among the characters, the model has": {"kms CreateAlias AliasName"},
}
"""Where the model takes more characters than the table, and why the table does not."""


@cache
def shape_of(api: str) -> Shape:
    """Botocore's shape of a parameter."""
    service, operation, path = api.split()
    model = botocore.session.get_session().get_service_model(service)
    shape: Shape | None = model.operation_model(operation).input_shape
    for part in path.split("."):
        assert isinstance(shape, StructureShape)
        shape = shape.members[part.removesuffix("[]")]
        while isinstance(shape, ListShape):
            shape = shape.member
    assert shape is not None
    assert not isinstance(shape, MapShape)
    return shape


def pattern_of(shape: Shape) -> re.Pattern[str] | None:
    """A model's pattern, which is written in Java's syntax."""
    written = shape.metadata.get("pattern")
    if written is None:
        return None
    python = (
        written.replace(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]", TAG_CHARACTERS)
        # Pairs of surrogates stand for what is beyond the basic plane.
        .replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
        .replace("(?i).*<script>.*</script>.*", "(?i:.*<script>.*</script>.*)")
    )
    return re.compile(python, 0 if TAG_CHARACTERS in python else re.ASCII)


SAMPLES = [chr(point) for point in range(0x180)] + list("漢ё\u0301\u2028\u3000\u2013😀")


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_never_laxer_than_the_model_and_stricter_only_for_a_reason(
    line: TextRule,
) -> None:
    shape = shape_of(line.api)
    assert line.most <= shape.metadata.get("max", line.most)
    assert line.least >= shape.metadata.get("min", 0)
    pattern = pattern_of(shape)
    if pattern is None:
        return
    stricter = set()
    start = "alias/" if line.api.startswith("kms") else ""
    for sample in SAMPLES:
        for text in (f"{start}{sample}aa", f"{start}a{sample}a", f"{start}aa{sample}"):
            taken = pattern.fullmatch(text) is not None
            assert taken or not line.takes(text), text
            if taken and not line.takes(text):
                stricter.add(sample)
    reasons = [why for why, apis in STRICTER.items() if line.api in apis]
    assert bool(stricter) == bool(reasons), stricter


def test_every_line_has_a_page_and_words() -> None:
    for lines in RULES.values():
        assert len({line.path for line in lines}) == len(lines)
        for line in lines:
            assert " API reference, " in line.source
            assert line.words.startswith(f"{line.least} to {line.most} characters: ")


@pytest.mark.parametrize("apis", TAG_CALLS, ids=[key.split()[0] for key, _ in TAG_CALLS])
def test_tags_are_such_as_every_service_takes(apis: tuple[str, str]) -> None:
    for api, pattern, most in zip(apis, (TAG_KEY, TAG_VALUE), (128, 256), strict=True):
        shape = shape_of(api)
        assert shape.metadata.get("max", most) >= most
        model = pattern_of(shape)
        for sample in SAMPLES:
            if re.fullmatch(pattern, sample):
                assert model is None or model.fullmatch(sample), sample


def test_characters_of_tags_are_letters_numbers_and_separators_of_unicode() -> None:
    own = re.compile(TAG_CHARACTERS)
    for point in range(sys.maxunicode + 1):
        sample = chr(point)
        wanted = unicodedata.category(sample)[0] in "LNZ" or sample in "_.:/=+-@"
        assert (own.fullmatch(sample) is not None) == wanted, hex(point)


@pytest.mark.parametrize("name", STACKS)
def test_no_resource_has_more_or_other_tags_than_aws_takes(name: str) -> None:
    recording = stack(name)
    [provider] = recording.of_type("pulumi:providers:aws")
    default = default_tags(provider.inputs["defaultTags"])
    (policy,) = POLICIES
    tagged = [
        one for one in recording.resources.values() if isinstance(one.inputs.get("tags"), dict)
    ]
    assert tagged
    for resource in tagged:
        if resource.type.startswith("aws:"):
            assert resource.type in policy.kinds
            merged = {"tags": {**default, **resource.inputs["tags"]}}
            assert list(tag_problems(merged)) == []
            assert set(merged["tags"]) <= {*OWN_TAGS}


def default_tags(value: object) -> dict[str, str]:
    parsed = json.loads(value) if isinstance(value, str) else value
    assert isinstance(parsed, dict)
    return {str(key): str(tag) for key, tag in parsed["tags"].items()}


@cache
def registered(name: str) -> tuple[tuple[TextRule, str], ...]:
    """Every text of a stack that the table knows, once."""
    found: dict[tuple[TextRule, str], None] = {}
    for resource in stack(name).resources.values():
        for line in RULES.get(resource.type, ()):
            for text in line.texts(resource.name, resource.inputs):
                if text != "localhost":
                    found[line, text] = None
    return tuple(found)


@pytest.mark.parametrize("name", STACKS)
def test_every_text_that_a_stack_registers_is_taken(name: str) -> None:
    assert registered(name)
    for line, text in registered(name):
        assert line.takes(text), (line.api, text)


accepted_names = st.from_regex(r"[a-z][a-z0-9-]{0,11}", fullmatch=True).filter(
    lambda name: not list(stack_problems(name, REGION))
)


@given(name=accepted_names)
def test_a_stack_of_any_accepted_name_registers_what_is_taken(name: str) -> None:
    # The program puts the name into texts as it is; the test below runs it with the longest one.
    for line, text in registered("prod"):
        renamed = re.sub(r"(?<![a-z])prod(?![a-z])", name, text)
        assert line.takes(renamed), (line.api, renamed)


def test_the_program_runs_with_the_longest_name_and_every_text_is_taken() -> None:
    name = "a" + "-9" * 5 + "z"
    assert len(name) == LONGEST_STACK_NAME
    project = dataclasses.replace(stacks.sample("prod"), stack=name)
    recording = run_program(project, PlaceholderProvider(region=REGION))
    texts = 0
    for resource in recording.resources.values():
        for line in RULES.get(resource.type, ()):
            for text in line.texts(resource.name, resource.inputs):
                texts += 1
                assert line.takes(text), (resource.label, text)
    assert texts > 100


def test_a_name_and_tags_that_aws_refuses_are_named_together_before_anything_is_made() -> None:
    changes: dict[str, object] = {
        "owner": "R&D (Speech)",
        "tags": {"aws:team": "speech"},
        "domain": {"name": "speech"},
    }
    project = dataclasses.replace(stacks.sample("prod", changes), stack="prod-")
    backend = PlaceholderProvider(region=REGION)
    with pytest.raises(OfflineError) as refused:
        run_program(project, backend)
    said = str(refused.value)
    assert "4 problem(s) in its configuration, nothing was touched" in said
    for part in (
        'owner is "R&D (Speech)"; accepted: 1 to 256 letters, digits and spaces of any script',
        'tags is {"aws:team": "speech"}; accepted: a map of at most 40 entries',
        'domain.name is "speech"; accepted: 1 to 64 characters: a host name of two labels',
        'the stack\'s name is "prod-"; accepted: 1 to 12 lower-case letters',
    ):
        assert part in said


@given(owner=st.text(max_size=300))
def test_an_owner_is_accepted_just_when_every_service_takes_it_as_a_tag(owner: str) -> None:
    model = pattern_of(shape_of("iam TagRole Tags[].Value"))
    assert model is not None
    taken = 1 <= len(owner) <= 256 and model.fullmatch(owner) is not None
    _, problems = parse(valid(owner=owner))
    assert [problem.key for problem in problems] == ([] if taken else ["owner"])


@given(
    tags=st.dictionaries(
        st.text("aAwWsS:é ü&ownerOWNER", max_size=6), st.text(max_size=4), max_size=4
    )
)
def test_tags_are_accepted_just_when_a_resource_may_bear_them(tags: dict[str, str]) -> None:
    _, problems = parse(valid(tags=tags))
    merged = {"tags": {**dict.fromkeys(OWN_TAGS, "x"), **tags}}
    wanted = bool(list(tag_problems(merged))) or not set(tags).isdisjoint(OWN_TAGS)
    assert bool(problems) == wanted


def test_the_room_that_pulumi_needs_is_counted() -> None:
    line = RULES["aws:lb/targetGroup:TargetGroup"][0]
    assert list(line.problems("a" * (32 - len(SUFFIX)), {})) == []
    [said] = line.problems("a" * (33 - len(SUFFIX)), {})
    assert said.startswith('name is "aaaa')
    assert said.endswith(
        "accepted: 1 to 32 characters: letters, digits and hyphens, no hyphen at either end"
        " (Elastic Load Balancing API reference, CreateTargetGroup, Name)"
    )
