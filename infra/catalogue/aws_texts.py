"""What AWS takes as a name, a description or a tag: how a rule is written, and how it judges.

The table itself is in `infra.catalogue.aws_text_rules`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from infra.reading.reader import show

SUFFIX: Final = "-0123456"
"""Stands for what Pulumi appends to a name that it makes up: a hyphen and seven hex digits."""

_SERVICES: Final[Mapping[str, str]] = {
    "acm": "AWS Certificate Manager",
    "autoscaling": "Amazon EC2 Auto Scaling",
    "budgets": "AWS Budgets",
    "cloudwatch": "Amazon CloudWatch",
    "ec2": "Amazon EC2",
    "ecr": "Amazon ECR",
    "elbv2": "Elastic Load Balancing",
    "iam": "AWS IAM",
    "kms": "AWS KMS",
    "logs": "Amazon CloudWatch Logs",
    "s3": "Amazon S3",
    "secretsmanager": "AWS Secrets Manager",  # pragma: allowlist secret
    "sns": "Amazon SNS",
    "ssm": "AWS Systems Manager",
    "wafv2": "AWS WAF",
}


@dataclass(frozen=True, slots=True)
class Characters:
    """What a text may consist of.

    Attributes:
        pattern: Regular expression of the whole text.
        words: The same in words.
    """

    pattern: str
    words: str


@dataclass(frozen=True, slots=True)
class TextRule:
    """What one service takes in one place.

    Attributes:
        path: Input of the resource, `[]` for each entry of a list.
        api: Service, operation and parameter, as the service's API reference and botocore name
            them; `[]` as above.
        least: Fewest characters.
        most: Most characters.
        characters: Which ones.
        made_up: Whether Pulumi makes the name up from the resource's where it is left out.
        more: Where the rule stands if the parameter's own page does not have it.
    """

    path: str
    api: str
    least: int
    most: int
    characters: Characters
    _: KW_ONLY
    made_up: bool = False
    more: str = ""

    @property
    def words(self) -> str:
        """What is accepted, with the length."""
        return f"{self.least} to {self.most} characters: {self.characters.words}"

    @property
    def source(self) -> str:
        """The page that says so."""
        service, operation, parameter = self.api.split()
        page = f"{_SERVICES[service]} API reference, {operation}, {parameter}"
        return f"{page}; {self.more}" if self.more else page

    def takes(self, text: str) -> bool:
        """Say whether AWS takes a text here."""
        in_length = self.least <= len(text) <= self.most
        return in_length and re.fullmatch(self.characters.pattern, text) is not None

    def texts(self, name: str, props: Mapping[str, Any]) -> Iterator[str]:
        """Yield what a resource says here.

        Args:
            name: Its name in the program.
            props: Its inputs.
        """
        said = False
        for text in _texts(props, self.path.split(".")):
            said = True
            yield text
        if self.made_up and not said:
            yield name + SUFFIX

    def problems(self, name: str, props: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with a resource, a sentence each; arguments as of `texts`."""
        for text in self.texts(name, props):
            if not self.takes(text):
                yield f"{self.path} is {show(text)}; accepted: {self.words} ({self.source})"


def _texts(props: object, path: Sequence[str]) -> Iterator[str]:
    if not path:
        if isinstance(props, str):
            yield props
        return
    key, *rest = path
    entry = key.removesuffix("[]")
    if not isinstance(props, Mapping) or entry not in tuple(props):
        return
    value = props[entry]
    if entry == key:
        yield from _texts(value, rest)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        # By index: a value that a preview cannot know raises when it is read.
        for place in range(len(value)):
            yield from _texts(value[place], rest)


TAG_CHARACTERS: Final = r"[\w .:/=+\-@\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Letters, numbers and separators of any script, and `_.:/=+-@`: what every service takes in tags.

IAM, ELB, SSM, ACM, WAF and CloudWatch Logs write it as [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@] in their API
references; others take more, but a default tag goes to all of them. Marks that combine with the
letter before (\\p{M}) are not among it.
"""

TAG_KEY: Final = rf"(?![aA][wW][sS]:){TAG_CHARACTERS}{{1,128}}"
TAG_VALUE: Final = rf"{TAG_CHARACTERS}{{0,256}}"
TAG_WORDS: Final = "letters, digits and spaces of any script, and _ . : / = + - @"
TAGS_A_RESOURCE: Final = 50
"""Most tags of a resource, those of the provider included (AWS General Reference, Tagging)."""


def tag_problems(props: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a resource's tags, a sentence each.

    Args:
        props: Its inputs. An auto scaling group lists its tags, a launch template keeps those of
            its machines in `tagSpecifications`.
    """
    for where, tags in _tag_sets(props):
        folded: dict[str, str] = {}
        for key, value in tags:
            if re.fullmatch(TAG_KEY, key) is None:
                yield (
                    f"{where} has the key {show(key)}; accepted: 1 to 128 characters: {TAG_WORDS};"
                    " not aws: at its beginning"
                )
            if re.fullmatch(TAG_VALUE, value) is None:
                yield (
                    f"{where}: {key} is {show(value)}; accepted: at most 256 characters:"
                    f" {TAG_WORDS}"
                )
            twin = folded.setdefault(key.casefold(), key)
            if twin != key:
                yield f"{where} has {twin} and {key}; accepted: keys that differ not only in case"
        if len(tags) > TAGS_A_RESOURCE:
            yield f"{where} has {len(tags)} entries; accepted: at most {TAGS_A_RESOURCE}"


def _tag_sets(props: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    tags = props.get("tags")
    if isinstance(tags, Mapping):
        yield "tags", [(str(key), str(tags[key])) for key in tags]
    elif isinstance(tags, Sequence) and not isinstance(tags, str):
        listed = [tags[place] for place in range(len(tags))]
        yield "tags", [(str(tag["key"]), str(tag["value"])) for tag in listed]
    specifications = props.get("tagSpecifications")
    if isinstance(specifications, Sequence) and not isinstance(specifications, str):
        for place in range(len(specifications)):
            for _, inner in _tag_sets(specifications[place]):
                yield f"tagSpecifications[{place}].tags", inner
