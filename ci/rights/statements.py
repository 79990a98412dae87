"""The statements of a role: the calls it makes, each as far as it reaches."""

from collections.abc import Collection

from ci.rights.scope import Environment
from ci.rights.scopes import SCOPES, WITHOUT_RESOURCES
from infra.iam import Statement


def statements(needed: Collection[str], environment: Environment) -> dict[str, list[Statement]]:
    """Return what allows these actions in one environment, by managed policy.

    Raises:
        ValueError: no scope says how far some of the actions reach; the message names them.
    """
    found: dict[str, list[Statement]] = {}
    placed: set[str] = set()
    for scope in SCOPES:
        actions = scope.of(needed, WITHOUT_RESOURCES)
        placed.update(actions)
        if actions and (environment.zone_id is not None or not scope.needs_zone):
            found.setdefault(scope.area, []).append(scope.statement(actions, environment))
    if homeless := ", ".join(sorted(set(needed) - placed)):
        raise ValueError(f"no scope for {homeless}; accepted: actions that ci/rights/scopes.py has")
    return found
