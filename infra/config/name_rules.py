"""Rules of AWS about what a configuration's names and tags end up in, one generator each."""

import re
import zoneinfo
from collections.abc import Iterator
from functools import cache
from typing import Final

from infra.catalogue.aws_text_rules import CERTIFICATE, TARGETS, rule
from infra.catalogue.aws_texts import SUFFIX, TextRule
from infra.catalogue.models import ecr_region
from infra.config.sections import Settings
from infra.reading.reader import Problem, show

OWN_TAGS: Final = ("Project", "Environment", "Owner", "Name", "Colour", "Severity")
"""Keys of tags that the program sets itself."""

LONGEST_STACK_NAME: Final = rule(TARGETS, "name").most - len(f"perch--green{SUFFIX}")
"""Of all names that are made of it, a target group's has the least room."""

LOCALHOST: Final = "localhost"
"""The name of a stack that is applied to a simulated AWS; no authority certifies it."""


def tag_keys_are_free(settings: Settings) -> Iterator[Problem]:
    """Refuse tags that repeat a key, which IAM knows without its case, or one of the program's."""
    taken = {key.casefold(): key for key in OWN_TAGS}
    for key in settings.tags:
        twin = taken.setdefault(key.casefold(), key)
        if twin != key or key in OWN_TAGS:
            why = "which the program sets" if twin in OWN_TAGS else "which differs only in case"
            yield Problem("tags", f"{show(key)} beside {twin}, {why}", "another key")


def names_can_be_certified(settings: Settings) -> Iterator[Problem]:
    """Refuse names ACM does not take; a certificate that is there already holds any."""
    domain = settings.domain
    if settings.certificate.arn is not None:
        return
    first = rule(CERTIFICATE, "domainName")
    if domain.name != LOCALHOST:
        yield from _certified("domain.name", domain.name, first)
    further = rule(CERTIFICATE, "subjectAlternativeNames[]")
    for name in domain.alternative_names:
        yield from _certified("domain.alternative_names", name, further)


def _certified(key: str, name: str, known: TextRule) -> Iterator[Problem]:
    if not known.takes(name):
        yield Problem(key, show(name), f"{known.words} ({known.source}), or certificate.arn")


def time_zone_exists(settings: Settings) -> Iterator[Problem]:
    """Refuse what is no name of the IANA time zone database."""
    hours = settings.scaling.office_hours
    known = _time_zones()
    # A machine without that database cannot tell.
    if hours is not None and known and hours.time_zone not in known:
        yield Problem(
            "scaling.office_hours.time_zone",
            show(hours.time_zone),
            "a name of the IANA time zone database, such as Europe/Berlin",
        )


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def stack_problems(stack: str, region: str) -> Iterator[Problem]:
    """Yield what is wrong with the two names everything else is named by.

    Args:
        stack: The stack's name.
        region: `aws:region`, or "".
    """
    if not re.fullmatch(rf"(?=.{{1,{LONGEST_STACK_NAME}}}$)[a-z](?:[a-z0-9\-]*[a-z0-9])?", stack):
        yield Problem(
            "the stack's name",
            show(stack),
            f"1 to {LONGEST_STACK_NAME} lower-case letters, digits and hyphens, a letter first and"
            " no hyphen last",
        )
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        yield Problem("aws:region", show(region or None), "an AWS region such as us-east-2")


def images_are_within_reach(region: str, settings: Settings) -> Iterator[Problem]:
    """Refuse an image in another region's ECR where no NAT leads: endpoints are of one region."""
    if settings.network.nat != "none" or settings.network.adopt is not None:
        return
    for name, colour in settings.colours():
        try:
            lies_in = ecr_region(colour.image)
        except ValueError:
            continue
        if lies_in not in {None, region}:
            yield Problem(
                f"{name}.image",
                show(colour.image),
                f"an image in ECR of {region}, as network.nat is none",
            )


def zones_are_the_regions(region: str, settings: Settings) -> Iterator[Problem]:
    """Refuse zones outside the stack's region, where subnets are made."""
    for zone in settings.network.zone_names:
        if zone[:-1] != region:
            yield Problem("network.zone_names", zone, f"zones of aws:region, {region or 'missing'}")


REGION_RULES: Final = (zones_are_the_regions, images_are_within_reach)
"""Rules about a stack's settings and its region."""
