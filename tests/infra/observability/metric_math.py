"""CloudWatch's evaluation of an alarm over series that are written down: enough of its metric math.

IF, FILL, comparison and arithmetic over numbers by period, after AWS's "Using metric math"; M of
N datapoints with missing ones treated as the alarm says, after "Using Amazon CloudWatch alarms".
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from infra.observability.alarm import Alarm

Series = Sequence[float | None]
"""One value a period, None where nothing was sent."""

_OPERATORS: Final[Mapping[type, Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other if other else float("nan"),
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}


def value(expression: str, at: Mapping[str, float | None]) -> float | None:
    """Return an expression's value in one period; None where a metric in it has none."""
    return _value(ast.parse(expression, mode="eval").body, at)


def _value(node: ast.expr, at: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return at[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, other]):
            found = _value(filled, at)
            return _value(other, at) if found is None else found
        case ast.Call(func=ast.Name(id="IF"), args=[asked, yes, no]):
            answer = _value(asked, at)
            return None if answer is None else _value(yes if answer else no, at)
        case (
            ast.BinOp(left=left, op=sign, right=right)
            | ast.Compare(left=left, ops=[sign], comparators=[right])
        ):
            first, second = _value(left, at), _value(right, at)
            if first is None or second is None:
                return None
            return _OPERATORS[type(sign)](first, second)
    raise ValueError(ast.unparse(node))


def is_in_alarm(alarm: Alarm, series: Mapping[str, Series]) -> bool:
    """Return whether an alarm is in ALARM after the last period of its metrics, by id."""
    length = len(next(iter(series.values())))
    points = [
        value(alarm.expression or "m", {key: each[period] for key, each in series.items()})
        for period in range(length)
    ][-alarm.periods :]
    breaching = sum(
        alarm.missing == "breaching"
        if point is None
        else (point > alarm.threshold if alarm.above else point < alarm.threshold)
        for point in points
    )
    return breaching >= alarm.breaching
