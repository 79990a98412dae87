"""One stack's configuration, read whole: every problem is named before any resource exists."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from infra.config.colour_rules import warnings_about
from infra.config.name_rules import stack_problems, zones_are_the_regions
from infra.config.rules import RULES
from infra.config.sections import Settings
from infra.reading.reader import Problem, apply_rules, read

SECRETS: Final[Mapping[str, str]] = {
    # pragma: allowlist nextline secret
    "ngc_api_key": "NGC personal key with which machines pull the recogniser and its models.",
    "gateway_signing_key": "What the gateway checks its clients with: bearer tokens, one a line.",
    "riva_tls_material": "PEM bundle for TLS between gateway and recogniser: key, certificate, CA.",
    # pragma: allowlist nextline secret
    "gateway_resume_keys": "What gateways sign resume tokens with, one key a line: the first signs,"
    " all are accepted. Left out, one is made.",
}
"""Secret keys: set with `pulumi config set --secret`, or left out and filled in by hand."""

GENERATED: Final = ("gateway_resume_keys",)
"""Those of them that need no person: left out, AWS makes up a value."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What the program is given: the stack's names, its settings and its secret values."""

    name: str
    region: str
    settings: Settings
    secrets: Mapping[str, pulumi.Output[str] | None]
    warnings: tuple[str, ...]


class InvalidConfiguration(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The stack's configuration cannot be used; the message lists every problem."""

    def __init__(self, stack: str, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [
            f"stack {stack}: {len(problems)} problem(s) in its configuration, nothing was touched"
        ]
        super().__init__("\n  ".join([*lines, *map(str, problems)]))


def parse(raw: Mapping[str, object]) -> tuple[Settings, list[Problem]]:
    """Read settings from raw values, without Pulumi.

    Args:
        raw: Top-level keys without the project's prefix; groups are maps.

    Returns:
        The settings, complete when the list of problems is empty.
    """
    return read(Settings, raw, RULES)


def load() -> Stack:
    """Read the running stack's configuration; InvalidConfiguration lists all that is wrong."""
    project = pulumi.get_project()
    prefix = f"{project}:"
    given = {**get_config_env(), **CONFIG.get()}
    raw = {
        name.removeprefix(prefix): _decoded(value)
        for name, value in given.items()
        if name.startswith(prefix)
    }
    clear = [name for name in SECRETS if name in raw and not is_config_secret(prefix + name)]
    settings, problems = parse({name: value for name, value in raw.items() if name not in SECRETS})
    problems.extend(
        Problem(name, "in clear", f"a secret: pulumi config set --secret {name}") for name in clear
    )
    region = pulumi.Config("aws").get("region") or ""
    problems.extend(stack_problems(pulumi.get_stack(), region))
    problems.extend(apply_rules(settings, [partial(zones_are_the_regions, region)]))
    if problems:
        raise InvalidConfiguration(pulumi.get_stack(), problems)
    config = pulumi.Config(project)
    return Stack(
        name=pulumi.get_stack(),
        region=region,
        settings=settings,
        secrets={name: config.get_secret(name) for name in SECRETS},
        warnings=tuple(warnings_about(settings)),
    )


def _decoded(value: object) -> object:
    """Decode a value: groups arrive as JSON text, scalars as plain text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
