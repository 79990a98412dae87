"""Where segments begin and end, on made-up probabilities. Whether real speech gives such
probabilities is what test_recognition.py shows.
"""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.emulator.engine.segmenter import FRAME, RATE, GateRules, Segment, Segmenter

SECOND = RATE / FRAME  # frames
RULES = GateRules()


def frames(*stretches: tuple[float, float]) -> list[float]:
    """Probabilities of stretches of (seconds, probability)."""
    return [p for seconds, p in stretches for _ in range(round(seconds * SECOND))]


def segments(
    probabilities: list[float], loudness: list[float] | None = None, rules: GateRules = RULES
) -> list[Segment]:
    segmenter = Segmenter(rules)
    loud = loudness or [1.0] * len(probabilities)
    closed = [segmenter.push(p, level) for p, level in zip(probabilities, loud, strict=True)]
    closed.append(segmenter.finish(len(probabilities) * FRAME))
    return [segment for segment in closed if segment is not None]


def seconds(samples: int) -> float:
    return samples / RATE


def test_a_segment_keeps_the_audio_before_its_onset_and_a_tail() -> None:
    (segment,) = segments(frames((2, 0.0), (1, 0.9), (2, 0.0)))
    assert seconds(segment.start) == pytest.approx(2.0 - 0.4, abs=0.05)
    assert seconds(segment.end) == pytest.approx(3.0 + 0.3, abs=0.05)
    assert seconds(segment.decided) == pytest.approx(3.0 + 0.6, abs=0.05)
    assert not segment.forced


def test_the_first_segment_cannot_begin_before_the_stream() -> None:
    (segment,) = segments(frames((0.1, 0.0), (1, 0.9), (1, 0.0)))
    assert segment.start == 0


def test_less_than_a_tenth_of_a_second_of_speech_opens_nothing() -> None:
    assert segments([0.0] * 10 + [0.9] * 3 + [0.0] * 40) == []
    assert len(segments([0.0] * 10 + [0.9] * 4 + [0.0] * 40)) == 1


def test_a_pause_shorter_than_the_stop_silence_does_not_end_a_segment() -> None:
    assert len(segments(frames((1, 0.9), (0.55, 0.0), (1, 0.9), (1, 0.0)))) == 1
    assert len(segments(frames((1, 0.9), (0.7, 0.0), (1, 0.9), (1, 0.0)))) == 2


def test_doubtful_frames_keep_a_segment_open_but_open_none() -> None:
    assert len(segments(frames((1, 0.9), (2, 0.4), (1, 0.9), (1, 0.0)))) == 1
    assert segments(frames((3, 0.4))) == []


def test_the_stop_silence_can_be_set() -> None:
    probabilities = frames((1, 0.9), (0.4, 0.0), (1, 0.9), (1, 0.0))
    assert len(segments(probabilities, rules=GateRules(stop_seconds=0.3))) == 2


def test_speech_at_the_end_of_the_stream_is_closed_there() -> None:
    probabilities = frames((1, 0.0), (1, 0.9))
    segmenter = Segmenter(RULES)
    for p in probabilities:
        assert segmenter.push(p, 1.0) is None
    last = len(probabilities) * FRAME - 100
    segment = segmenter.finish(last)
    assert segment is not None
    assert (segment.end, segment.decided) == (last, last)
    assert segmenter.finish(last) is None


def test_a_long_segment_is_cut_at_the_quietest_frame_of_its_second_half() -> None:
    probabilities = frames((15, 0.9), (1, 0.0))
    loudness = [1.0] * len(probabilities)
    quiet_early, quiet_late = round(3 * SECOND), round(8 * SECOND)
    loudness[quiet_early] = 0.0
    loudness[quiet_late] = 0.1
    one, two = segments(probabilities, loudness)
    assert one.forced
    assert one.end == two.start == (quiet_late + 1) * FRAME
    assert seconds(one.decided) == pytest.approx(12.0, abs=0.05)


def test_a_cut_in_the_silence_after_speech_leaves_no_empty_segment() -> None:
    speech = frames((11.7, 0.9), (2, 0.0))
    loudness = [1.0 if p else 0.5 for p in speech]
    (segment,) = segments(speech, loudness)
    assert segment.forced


probability = st.sampled_from([0.0, 0.2, 0.34, 0.35, 0.45, 0.5, 0.9])
signal = st.lists(
    st.tuples(st.integers(1, 400), probability, st.integers(0, 9)), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(signal)
def test_segments_are_in_order_apart_and_no_longer_than_allowed(
    stretches: list[tuple[int, float, int]],
) -> None:
    probabilities = [p for count, p, _ in stretches for _ in range(count)]
    loudness = [float(level) for count, _, level in stretches for _ in range(count)]
    found = segments(probabilities, loudness)
    for segment in found:
        assert 0 <= segment.start < segment.end <= segment.decided <= len(probabilities) * FRAME
        assert seconds(segment.end - segment.start) <= RULES.longest + 0.05
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert before.decided <= after.decided


@settings(max_examples=60, deadline=None, derandomize=True)
@given(signal)
def test_audio_that_a_segment_needs_was_never_given_up_before(
    stretches: list[tuple[int, float, int]],
) -> None:
    segmenter = Segmenter(RULES)
    given_up_to = 0
    for count, p, level in stretches:
        for _ in range(count):
            segment = segmenter.push(p, float(level))
            if segment is not None:
                assert segment.start >= given_up_to
            assert segmenter.needed_from >= given_up_to
            given_up_to = segmenter.needed_from
