"""Transcripts of several streams on one timeline, whatever each of them says."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.asr.events import Transcript, Word
from app.asr.session.coverage import BEGINNING, TranscriptMerger


def said(
    *words: tuple[str, float, float], is_final: bool = True, segment_id: int = 0
) -> Transcript:
    return Transcript(
        text=" ".join(text for text, _, _ in words),
        is_final=is_final,
        words=tuple(
            Word(word=text, start=start, end=end, confidence=None, speaker=None, language=None)
            for text, start, end in words
        ),
        confidence=None,
        stability=None,
        audio_processed=None,
        channel=None,
        languages=(),
        segment_id=segment_id,
    )


def test_the_first_streams_transcripts_pass_as_they_are() -> None:
    merger, heard = TranscriptMerger(BEGINNING), said(("one", 0.5, 0.8))
    assert merger.transcript(heard) is heard


def test_a_reopened_streams_times_and_numbers_go_on() -> None:
    merger = TranscriptMerger(BEGINNING)
    merger.transcript(said(("one", 0.5, 0.8)))
    merger.reopened(0.75)
    second = merger.transcript(said(("two", 0.25, 0.5)))
    assert second is not None
    assert second.segment_id == 1
    assert [(w.start, w.end) for w in second.words] == [(1.0, 1.25)]


def test_a_word_that_is_final_already_is_left_out_and_a_final_of_nothing_else_too() -> None:
    merger = TranscriptMerger(BEGINNING)
    merger.transcript(said(("month.", 0.5, 1.0)))
    merger.reopened(0.9)
    assert merger.transcript(said(("th.", 0.0, 0.12))) is None
    both = merger.transcript(said(("th.", 0.0, 0.12), ("Good", 0.05, 0.4)))
    assert both is not None
    assert (both.text, both.segment_id) == ("Good", 1)
    assert both.words[0].start == 1.0


def test_a_final_without_words_passes_whole() -> None:
    merger = TranscriptMerger(BEGINNING)
    merger.transcript(said(("one", 0.5, 0.8)))
    merger.reopened(0.75)
    bare = merger.transcript(said())
    assert bare is not None
    assert bare.segment_id == 1


WORDS = st.lists(st.floats(min_value=0.01, max_value=1.0), min_size=1, max_size=4)
STREAM = st.tuples(st.floats(min_value=-0.3, max_value=1.0), st.lists(WORDS, max_size=4))


@example(streams=[(0.0, [[0.25]]), (-0.25, [[1.0]])])  # reopened at the very start
@given(streams=st.lists(STREAM, min_size=1, max_size=5))
@settings(deadline=None)
def test_ids_are_continuous_and_no_final_of_a_reopened_stream_overlaps_one_before_it(
    streams: list[tuple[float, list[list[float]]]],
) -> None:
    merger, finals = TranscriptMerger(BEGINNING), []
    for number, (gap, segments) in enumerate(streams):
        if number:
            merger.reopened(max(0.0, merger.covered + gap))
        at = 0.0
        for segment_id, lengths in enumerate(segments):
            words = []
            for length in lengths:
                words.append(("word", at, at + length))
                at += length
            final = merger.transcript(said(*words, segment_id=segment_id))
            if final is not None:
                finals.append(final)
    assert [final.segment_id for final in finals] == list(range(len(finals)))
    spans = [(final.words[0].start, final.words[-1].end) for final in finals]
    for (_, end), (start, _) in pairwise(spans):
        assert start >= end - 1e-5
