"""The configuration of the CI project, read whole: every problem is named at once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from ci.rights.scope import Environment
from infra.reading import kinds
from infra.reading.reader import Problem, Section, read

EXTERNAL: Final = "external"
"""Stands for a hosted zone where DNS is elsewhere."""

_REPOSITORY: Final = kinds.text(
    r"[A-Za-z0-9-]+(?:@[0-9]+)?/[A-Za-z0-9._-]+(?:@[0-9]+)?",
    "owner/name as it begins the `sub` of the repository's tokens, such as octo-org/perch, or with"
    " ids, octo-org@123456/perch@456789",
)


class Settings(Section):
    """Everything the project is told."""

    account_id: Annotated[str, kinds.text(r"\d{12}", "an AWS account of 12 digits, in quotes")]
    """The account of the environments, and the only one the project may be applied to."""
    owner: Annotated[str, kinds.text(r"[\w .:/=+@-]{1,256}", "1 to 256 characters of a tag")]
    """Who answers for it; stands in the tag Owner."""
    repository: Annotated[str, _REPOSITORY]
    """The GitHub repository whose workflows deploy."""
    branch: Annotated[str, kinds.text(r"[\w./-]{1,255}", "a branch's name")] = "main"
    """The branch that the nightly comparison runs on."""
    environments: Annotated[
        Mapping[str, str],
        kinds.table(
            kinds.text(r"[a-z][a-z0-9-]{0,15}", "a stack's name"),
            kinds.text(
                rf"Z[A-Z0-9]{{4,31}}|{EXTERNAL}",
                f"the hosted zone of its name, or {EXTERNAL} where DNS is elsewhere",
            ),
            most=7,
        ),
    ]
    """The stacks that CI deploys in this account, each a GitHub environment of the same name."""
    oidc_provider_arn: Annotated[
        str | None,
        kinds.optional(
            kinds.text(
                r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com",
                "the ARN of the account's identity provider for GitHub",
            )
        ),
    ] = None
    """The account's identity provider for GitHub, of which AWS takes one; null: make it."""


def _names_are_apart(settings: Settings) -> Iterator[Problem]:
    """Refuse names that begin like another: rights are narrowed by `perch-NAME-*`."""
    names = sorted(settings.environments)
    for name in names:
        longer = [other for other in names if other.startswith(f"{name}-")]
        if longer:
            yield Problem(
                "environments",
                ", ".join((name, *longer)),
                f"no name that begins with {name}-, whose resources {name} could reach",
            )
        if name == "ci" or name.startswith("ci-"):
            yield Problem("environments", name, "any other name; perch-ci-... is what CI has")
    if not names:
        yield Problem("environments", "empty", "at least one stack")


@dataclass(frozen=True, kw_only=True)
class Ci:
    """What the program is given.

    Attributes:
        region: Where the state lies, and every environment.
        settings: The configuration.
        environments: The stacks that are deployed.
    """

    region: str
    settings: Settings

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Return where each deployment role may work, by name."""
        return tuple(
            Environment(
                name=name,
                region=self.region,
                account_id=self.settings.account_id,
                zone_id=None if zone == EXTERNAL else zone,
            )
            for name, zone in sorted(self.settings.environments.items())
        )


class InvalidCiConfiguration(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The configuration cannot be used; the message lists every problem."""


def parse(raw: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """Read settings from raw values, without Pulumi."""
    return read(Settings, raw, [_names_are_apart])


def load() -> Ci:
    """Read the running stack's configuration.

    Raises:
        InvalidCiConfiguration: lists all that is wrong with it.
    """
    prefix = f"{pulumi.get_project()}:"
    given = {**get_config_env(), **CONFIG.get()}
    settings, problems = parse(
        {
            key.removeprefix(prefix): _decoded(value)
            for key, value in given.items()
            if key.startswith(prefix)
        }
    )
    region = pulumi.Config("aws").get("region") or ""
    if not region:
        problems.append(Problem("aws:region", "missing", "a region, such as us-east-2"))
    if problems:
        lines = [f"{len(problems)} problem(s) in the configuration, nothing was touched"]
        raise InvalidCiConfiguration("\n  ".join([*lines, *map(str, problems)]))
    return Ci(region=region, settings=settings)


def _decoded(value: str) -> object:
    """Decode a value: groups arrive as JSON text, scalars as plain text."""
    try:
        return json.loads(value) if value[:1] in {"{", "["} else value
    except ValueError:
        return value
