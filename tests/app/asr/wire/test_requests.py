"""What is asked of the recogniser, of what a caller chose and what is configured."""

from __future__ import annotations

from typing import Any

import pytest

from app.asr import AsrError, Endpointing, RivaSettings, SessionOptions
from app.asr.wire.requests import join_options


def joined(chosen: Endpointing, **configured: int) -> Endpointing:
    given: dict[str, Any] = {f"endpointing_{name}": value for name, value in configured.items()}
    settings = RivaSettings(_env_file=None, **given)
    return join_options(settings, SessionOptions(endpointing=chosen)).endpointing


def test_a_configured_early_end_gives_way_to_a_callers_shorter_window() -> None:
    kept = joined(Endpointing(stop_history_ms=500), stop_history_eou_ms=400)
    assert (kept.stop_history_ms, kept.stop_history_eou_ms) == (500, 400)
    dropped = joined(Endpointing(stop_history_ms=400), stop_history_ms=800, stop_history_eou_ms=400)
    assert (dropped.stop_history_ms, dropped.stop_history_eou_ms) == (400, None)


def test_a_callers_early_end_has_to_come_before_the_configured_window_ends() -> None:
    taken = joined(Endpointing(stop_history_eou_ms=799), stop_history_ms=800)
    assert (taken.stop_history_ms, taken.stop_history_eou_ms) == (800, 799)
    with pytest.raises(AsrError) as refused:
        joined(Endpointing(stop_history_eou_ms=800), stop_history_ms=800)
    assert refused.value.message == (
        "endpointing.stop_history_eou_ms is 800; accepted: less than 800 ms."
    )


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (Endpointing(stop_history_ms=0), "stop_history_ms is 0; accepted: more than 0 ms."),
        (Endpointing(start_threshold=1.1), "start_threshold is 1.1; accepted: 0 to 1."),
        (
            Endpointing(stop_history_ms=400, stop_history_eou_ms=400),
            "stop_history_eou_ms is 400; accepted: less than 400 ms.",
        ),
    ],
)
def test_a_window_that_cannot_be_is_named(chosen: Endpointing, said: str) -> None:
    with pytest.raises(AsrError) as refused:
        joined(chosen)
    assert refused.value.message == f"endpointing.{said}"
