"""What is planned before a level begins."""

import pytest

from ops.load.plan import SpokenClip, Voice, plan_voices, share

CLIPS = (SpokenClip(path="a.wav", seconds=4.0), SpokenClip(path="b.wav", seconds=6.0))


def planned(sessions: int = 20, **changes: float) -> tuple[Voice, ...]:
    usual = {
        "ramp_s": 10.0,
        "duration_s": 30.0,
        "jitter_s": 0.5,
        "dialect_b": 0.25,
        "resuming": 0.2,
    }
    return plan_voices(CLIPS, sessions=sessions, **{**usual, **changes})  # type: ignore[arg-type]


def test_there_is_a_voice_for_each_session_and_the_same_plan_each_time() -> None:
    assert len(planned()) == 20
    assert planned() == planned()


def test_starts_are_spread_over_the_ramp_and_moved_by_no_more_than_the_jitter() -> None:
    for number, voice in enumerate(planned()):
        even = 10.0 * number / 20
        assert even <= voice.turns[0].at <= even + 0.5


def test_each_session_is_planned_behind_the_clip_before_it_whatever_the_service_does() -> None:
    for voice in planned():
        for one, following in zip(voice.turns, voice.turns[1:], strict=False):
            assert following.at >= one.at + CLIPS[one.clip].seconds
            assert following.at < 40.0


def test_the_asked_parts_speak_dialect_b_and_are_cut() -> None:
    voices = planned(40)
    assert sum(voice.dialect == "b" for voice in voices) == 10
    assert sum(voice.cut for voice in voices) == 6
    assert not any(voice.cut and voice.dialect == "b" for voice in voices)


@pytest.mark.parametrize(("part", "found"), [(0.0, 0), (0.1, 10), (0.5, 50), (1.0, 100)])
def test_a_part_of_a_hundred_is_that_many(part: float, found: int) -> None:
    assert sum(share(number, part) for number in range(100)) == found
