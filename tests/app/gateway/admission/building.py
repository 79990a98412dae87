"""Admission as its tests build it."""

from collections.abc import Callable

import pytest

from app.contract import ContractError
from app.gateway.admission.quotas import QuotaRules
from app.gateway.admission.slots import Admission, AdmissionRules
from app.gateway.telemetry.metrics import GatewayMetrics

CLIENTS = (b"ann", b"ben", b"cyd")


def admission(
    capacity: Callable[[], int | None] = lambda: None,
    clock: Callable[[], float] | None = None,
    **rules: float | QuotaRules,
) -> Admission:
    defaults = {"max_connections": 100, "max_sessions": 1, "waiting_room": 2}
    made = AdmissionRules(**{**defaults, **rules})  # type: ignore[arg-type]
    metrics = GatewayMetrics("0")
    return (
        Admission(made, metrics, capacity)
        if clock is None
        else Admission(made, metrics, capacity, clock)
    )


def refusal(call: Callable[[], object]) -> ContractError:
    with pytest.raises(ContractError) as refused:
        call()
    return refused.value
