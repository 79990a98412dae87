"""One reach: which actions, on which resources, under which conditions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from infra.catalogue.regions import dns_suffix, partition
from infra.iam import Statement

Area = Literal["look", "network", "machines", "secrets", "storage", "roles", "entrance"]
"""One managed policy each: AWS takes 6,144 characters a policy and 10 policies a role
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where a role may work.

    Attributes:
        name: The stack's name.
        region: Where the stack is.
        account_id: The account of both.
        zone_id: The hosted zone that its name lies in; None where DNS is elsewhere.
    """

    name: str
    region: str
    account_id: str
    zone_id: str | None = None

    @property
    def boundary_arn(self) -> str:
        """Return the policy that bounds every role of the environment."""
        return self.fill("arn:{partition}:iam::{account}:policy/perch-ci-boundary-{environment}")

    def fill(self, template: str) -> str:
        """Return an ARN or a value with the environment's own words in it."""
        words = {
            "environment": self.name,
            "name": f"perch-{self.name}",
            "region": self.region,
            "account": self.account_id,
            "partition": partition(self.region),
            "dns": dns_suffix(self.region),
            "zone": self.zone_id or "",
        }
        if "{boundary}" in template:
            words["boundary"] = self.boundary_arn
        return template.format_map(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags that everything of an environment bears, as conditions."""

    requested: Mapping[str, str]
    borne: Mapping[str, str]


_TAGS: Final = {"Project": "perch", "Environment": "{environment}"}
TAGS: Final = Tags(
    requested={f"aws:RequestTag/{key}": value for key, value in _TAGS.items()},
    borne={f"aws:ResourceTag/{key}": value for key, value in _TAGS.items()},
)
UNCLAIMED: Final = {"Null": {"aws:ResourceTag/Environment": "true"}}
"""Of resources that no environment has claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One statement, before it is known which of its actions a role needs.

    Attributes:
        sid: Name of the statement.
        area: The managed policy it stands in.
        actions: The actions by name; or
        services: every needed action of these services that knows resources,
        excluded: but those.
        resources: Templates of ARNs.
        conditions: Operator -> {key: template, or several}.
        needs_zone: Whether it is left out of an environment without a hosted zone.
    """

    sid: str
    area: Area
    actions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] = field(default_factory=dict)
    needs_zone: bool = False

    def of(self, needed: Collection[str], without_resources: Collection[str]) -> list[str]:
        """Return the actions among those needed that this scope allows, sorted."""
        by_service = {
            action
            for action in needed
            if action.partition(":")[0] in self.services
            and action not in self.excluded
            and action not in without_resources
        }
        return sorted(by_service | (set(self.actions) & set(needed)))

    def statement(self, actions: Sequence[str], environment: Environment) -> Statement:
        """Return the statement for one environment."""
        return Statement(
            sid=self.sid,
            actions=actions,
            resources=[environment.fill(arn) for arn in self.resources],
            conditions={
                operator: {key: _filled(value, environment) for key, value in keys.items()}
                for operator, keys in self.conditions.items()
            },
        )


def _filled(value: str | Sequence[str], environment: Environment) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return environment.fill(value)
    return [environment.fill(one) for one in value]


def arns(*resources: str, regional: bool = True) -> tuple[str, ...]:
    """Return templates of ARNs from `service:resource`, in the environment's region or in none."""
    region = "{region}" if regional else ""
    return tuple(
        f"arn:{{partition}}:{service}:{region}:{{account}}:{resource}"
        for service, _, resource in (one.partition(":") for one in resources)
    )
