"""The bounds of a session and of its calls, as an operator's settings give them."""

from dataclasses import replace

import pytest

from app.asr import Endpointing, RivaSettings, SessionOptions
from app.asr.session.reopening import ReopenRules
from app.asr.session.rules import CallRules, SessionRules, call_rules, session_rules
from app.asr.wire.requests import join_options

SETTINGS = RivaSettings(
    _env_file=None,
    chunk_size_bytes=320,
    silence_interval_s=7,
    timeout_ms=1500,
    final_timeout_ms=2500,
    partial_result_interval_ms=250,
    enable_word_time_offsets=False,
    quiet_gap_s=4,
    outage_limit_s=11,
    reopen_delay_ms=50,
    replay_s=33,
    max_stream_s=44,
)
OPTIONS = replace(join_options(SETTINGS, SessionOptions()), sample_rate=8000)
CALL = CallRules(
    sample_rate=8000,
    largest_chunk=320,
    silence_interval=7,
    write_timeout=1.5,
    final_timeout=2.5,
    interim_interval=0.25,
    interims=True,
    word_times=False,
    quiet_gap=4,
)


def test_each_setting_bounds_what_its_name_says() -> None:
    assert call_rules(SETTINGS, OPTIONS, interims=True) == CALL
    assert session_rules(SETTINGS, CALL, patience_s=1, unsent_s=2, send_timeout=3) == SessionRules(
        call=CALL,
        reopen=ReopenRules(outage_limit=11, first_wait=0.05),
        replay_s=33,
        patience_s=1,
        max_call_s=44,
        unsent_s=2,
        send_timeout=3,
    )
    bare = session_rules(SETTINGS, CALL, patience_s=1)
    assert (bare.unsent_s, bare.send_timeout) == (0.0, None)


@pytest.mark.parametrize(
    ("allowed", "wanted", "interims"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_interims_come_where_operator_and_caller_want_them(
    *, allowed: bool, wanted: bool, interims: bool
) -> None:
    settings = SETTINGS.model_copy(update={"enable_partial_results": allowed})
    assert call_rules(settings, OPTIONS, interims=wanted).interims is interims


@pytest.mark.parametrize(("gap", "stop_ms", "quiet"), [(4, 800, 4.8), (4, None, 4), (0, 800, 0)])
def test_an_interim_may_stand_for_the_gap_beyond_the_silence_of_endpointing(
    gap: float, stop_ms: int | None, quiet: float
) -> None:
    settings = SETTINGS.model_copy(update={"quiet_gap_s": gap})
    chosen = SessionOptions(endpointing=Endpointing(stop_history_ms=stop_ms))
    options = join_options(settings, chosen)
    assert call_rules(settings, options, interims=True).quiet_gap == quiet
