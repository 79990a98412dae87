"""How `perch smoke` measures when words come, and what the objective is of."""

from app.client import Outcome, PcmAudio
from ops.smoke.latency import measured, speech_start_s


def outcome(**changes: object) -> Outcome:
    usual: dict[str, object] = {
        **dict.fromkeys(("audio_s", "wall_s", "first_interim_s", "last_final_s", "finish_s"), 1.0),
        "first_interim_after_speech_s": 0.3,
        "final_lags_s": (0.5, 0.8),
        "finals": (),
        "stopped": None,
    }
    return Outcome(**(usual | changes))  # type: ignore[arg-type]  # as the caller says


def test_the_objective_is_met_by_its_bounds_and_by_what_was_measured_alone() -> None:
    assert measured(outcome()).within
    assert not measured(outcome(first_interim_after_speech_s=0.301)).within
    assert not measured(outcome(final_lags_s=(0.5, 0.81))).within
    assert not measured(outcome(first_interim_after_speech_s=None)).within
    # Where every final came at the end, the time from the end to the last one counts.
    assert measured(outcome(final_lags_s=(), last_final_s=0.7)).final_s == 0.7
    assert not measured(outcome(final_lags_s=(), last_final_s=None)).within


def test_speech_begins_where_it_is_loud() -> None:
    quiet, loud = b"\x01\x00" * 8_000, b"\x00\x40\x00\xc0" * 4_000
    assert speech_start_s(PcmAudio(data=quiet + loud, sample_rate=16_000)) == 0.5
    assert speech_start_s(PcmAudio(data=loud, sample_rate=16_000)) == 0
    assert speech_start_s(PcmAudio(data=b"", sample_rate=16_000)) == 0
