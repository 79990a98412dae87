"""The change of a budget, which moto 5.2.5 lacks, and of a metric filter, which it doubles."""

import json
from collections.abc import Callable
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse
from moto.logs.metric_filters import MetricFilters


def install() -> None:
    """Change moto in this process; call it once."""
    BudgetsResponse.update_budget = _update_budget
    MetricFilters.add_filter = _in_the_place_of_the_old(MetricFilters.add_filter)


def _in_the_place_of_the_old(original: Callable[..., None]) -> Callable[..., None]:
    """Keep one filter of a name; moto keeps each that was ever put."""

    def add_filter(self: Any, filter_name: str, *rest: Any, **named: Any) -> None:  # noqa: ANN401 - moto is untyped here
        before = len(self.metric_filters)
        original(self, filter_name, *rest, **named)
        [new] = self.metric_filters[before:]
        key = (new["logGroupName"], filter_name)
        self.metric_filters[:before] = [
            one
            for one in self.metric_filters[:before]
            if (one["logGroupName"], one["filterName"]) != key
        ]

    return add_filter


def _update_budget(self: Any) -> str:  # noqa: ANN401 - moto is untyped here
    """Put a budget in the place of the one of its name; the notifications stay."""
    held = self.backend.budgets[self._get_param("AccountId")]
    budget = self._get_param("NewBudget")
    name = budget["BudgetName"]
    if name not in held:
        raise NotFoundException(f"Unable to update budget: {name} - the budget doesn't exist.")
    notifications = held[name].notifications
    held[name] = Budget(budget, [])
    held[name].notifications = notifications
    return json.dumps({})
