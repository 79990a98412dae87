"""What is played where nothing else is asked for."""

from ops.load.clips import TAIL_S, chosen


def test_every_clip_that_is_played_has_speech_within_its_length() -> None:
    for clip in chosen(None):
        assert clip.speech_start_s is not None
        assert clip.speech_end_s is not None
        assert 0 <= clip.speech_start_s < clip.speech_end_s <= clip.seconds
        assert clip.seconds <= clip.speech_end_s + TAIL_S + 1e-9
