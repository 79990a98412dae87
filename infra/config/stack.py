"""One stack's configuration, read whole: every problem is named before any resource exists."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from infra.config.colour_rules import warnings_about
from infra.config.fixed import fixed_problems
from infra.config.machine import FORMER_SECRETS, SECRETS, wanted_secrets
from infra.config.name_rules import REGION_RULES, stack_problems
from infra.config.rules import RULES
from infra.config.sections import Settings
from infra.reading.reader import Problem, apply_rules, read

GENERATED: Final = ("gateway_resume_keys",)
"""Those of them that need no person: left out, AWS makes up a value."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What the program is given: the stack's names, its settings and its secret values.

    Attributes:
        secrets: each that the stack has, with its value where one was given.
    """

    name: str
    region: str
    settings: Settings
    secrets: Mapping[str, pulumi.Output[str] | None]
    warnings: tuple[str, ...]


class InvalidConfiguration(pulumi.RunError):
    """The stack's configuration cannot be used; the message lists every problem.

    Of every other exception Pulumi shows the traceback, and the message at its end.
    """

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
    known = {*SECRETS, *FORMER_SECRETS.values()}
    settings, problems = parse({name: value for name, value in raw.items() if name not in known})
    problems.extend(
        Problem(name, "in clear", f"a secret: pulumi config set --secret {name}") for name in clear
    )
    problems.extend(_renamed(raw))
    region = pulumi.Config("aws").get("region") or ""
    problems.extend(stack_problems(pulumi.get_stack(), region))
    problems.extend(
        apply_rules(
            settings,
            [
                *(partial(rule, region) for rule in REGION_RULES),
                partial(fixed_problems, outputs=_last_outputs()),
            ],
        )
    )
    if problems:
        raise InvalidConfiguration(pulumi.get_stack(), problems)
    config, wanted = pulumi.Config(project), wanted_secrets(settings)
    return Stack(
        name=pulumi.get_stack(),
        region=region,
        settings=settings,
        secrets={name: config.get_secret(name) for name in wanted},
        warnings=(*warnings_about(settings), *_unread(raw, wanted)),
    )


def _renamed(given: Collection[str]) -> Iterator[Problem]:
    for name, before in FORMER_SECRETS.items():
        if before in given:
            yield Problem(
                before,
                "given",
                f"{name}, as it is called now: pulumi config set --secret {name}, then"
                f" pulumi config rm {before}; the secret in AWS stays the same",
            )


def _last_outputs() -> Mapping[str, Any]:
    """Return what this stack exported last; nothing before its first `pulumi up`."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises this very class
        # Protection and AWS still refuse what is refused here, only later and in other words.
        pulumi.log.warn(f"what {name} was made with could not be read: {error}")
        return {}
    outputs = answer.get("outputs") if isinstance(answer, Mapping) else None
    return outputs if isinstance(outputs, Mapping) else {}


def _unread(raw: Mapping[str, object], wanted: Collection[str]) -> Iterator[str]:
    for name in SECRETS:
        if name in raw and name not in wanted:
            yield f"{name} is given, and nothing in this stack reads it; it is not kept"


def _decoded(value: object) -> object:
    """Decode a value: groups arrive as JSON text, scalars as plain text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
