"""A stream reopened after a final: wherever its last word seems to end, each word comes once.

Words with a stop inside ("Thurs-day"), and a recogniser that hears a piece of a word as a word. It
guesses the end of the last word of a final anywhere from its beginning to 0.2 s behind it, in steps
of 20 ms, which is where the second stream would begin if it went by the guess. That a recogniser
hears the same word again in the same letters is shown by `test_real_restarts` for one engine alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.asr import Cursor, Transcript, Word
from app.asr.session.buffer import ReplayBuffer
from app.asr.session.coverage import BEGINNING, Coverage
from app.asr.session.restart import AudioWindow, restart_at_cut

RATE = 8000
STOP_MS = 60
SCRAP_MS = 60  # of a word that are heard as a word
SILENCE_MS = 600  # by which a recogniser knows that a segment is over
STEP_MS = 20
BEFORE = (("Please", 300, 0), ("before", 300, 0))


def samples(milliseconds: float) -> int:
    return round(milliseconds * RATE / 1000)


def noise(milliseconds: float, level: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(1).standard_normal(samples(milliseconds)) * level


def word_sound(milliseconds: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Loud, with a stop as quiet as a pause a little behind its middle, and a soft end."""
    sound = noise(milliseconds, 4000.0)
    stop = samples(milliseconds * 0.55)
    quiet = noise(min(STOP_MS, milliseconds / 4), 8.0)
    sound[stop : stop + len(quiet)] = quiet
    soft = samples(min(40, milliseconds / 4))
    sound[-soft:] *= np.linspace(1, 0.05, soft)
    return sound


@dataclass(frozen=True)
class Speech:
    """Words with their place in the audio, in milliseconds."""

    audio: bytes
    words: tuple[tuple[str, int, int], ...]

    @property
    def text(self) -> list[str]:
        return [text for text, _, _ in self.words]

    @property
    def end(self) -> int:
        return len(self.audio) // 2


@cache
def speech(*said: tuple[str, int, int]) -> Speech:
    """Words of so many milliseconds, each with the pause behind it."""
    parts, words, at = [noise(300, 5.0)], [], 300
    for text, length, pause in said:
        parts += [word_sound(length), noise(pause, 5.0)]
        words.append((text, at, at + length))
        at += length + pause
    parts.append(noise(1000, 5.0))
    return Speech(np.concatenate(parts).astype("<i2").tobytes(), tuple(words))


def audible(speech: Speech, start: int) -> list[tuple[str, int, int]]:
    """What a stream hears that begins with that sample: of a word it missed a part of, the rest."""
    begin, found = math.ceil(start * 1000 / RATE), []
    for text, first, last in speech.words:
        if begin <= first + SCRAP_MS / 3:
            found.append((text, first, last))
        elif last - begin >= SCRAP_MS:
            letters = math.ceil(len(text) * (last - begin) / (last - first))
            found.append((text[-letters:], begin, last))
    return found


def final(words: list[tuple[str, int, int]], start: int, used: int | None) -> Transcript:
    """A final on the timeline of a stream that begins with sample `start`."""
    offset = start / RATE
    return Transcript(
        text=" ".join(text for text, _, _ in words),
        is_final=True,
        words=tuple(
            Word(
                word=text,
                start=max(0.0, first / 1000 - offset),
                end=max(0.0, last / 1000 - offset),
                confidence=None,
                speaker=None,
                language=None,
            )
            for text, first, last in words
        ),
        confidence=None,
        stability=None,
        audio_processed=None if used is None else (used - start) / RATE,
        channel=None,
        languages=(),
        segment_id=0,
    )


def begun(speech: Speech, cursor: Cursor, sent: int) -> tuple[Coverage, int]:
    """A session that goes on from a cursor with the audio from its position on."""
    start = round(cursor.position * RATE)
    buffer = ReplayBuffer(10**9, start)
    buffer.append(speech.audio[start * 2 : sent * 2], 0.0)
    return Coverage(buffer, RATE, cursor, interims=True), start


def heard_twice(
    speech: Speech, known: list[tuple[str, int, int]], *, used: int | None, late: int, drift: int
) -> list[str]:
    """The words of a session whose first stream says one final, and whose second says the rest.

    Args:
        speech: what is spoken.
        known: the words of the first final with the times the recogniser guesses.
        used: the sample up to which it says it had heard.
        late: samples it was sent beyond that.
        drift: milliseconds by which the times of the second stream are off.
    """
    sent = min(speech.end, (used or samples(known[-1][2])) + late)
    coverage, _ = begun(speech, BEGINNING, sent)
    first = coverage.note(final(known, 0, used), sent)
    assert first is not None
    assert first.cursor is not None
    coverage, start = begun(speech, first.cursor, speech.end)
    again = [(text, a + drift, b + drift) for text, a, b in audible(speech, start)]
    rest = coverage.note(final(again, start, speech.end), speech.end) if again else None
    return [word for said in (first, rest) if said is not None for word in said.text.split()]


# What follows the word, and how long they pause before it.
NEXT = [("If", 80), ("today", 300)]
PAUSES = [0, 60, 120, 200, 300, 800]
LENGTHS = [80, 200, 500]
# By how much the beginning of the word is guessed wrong, and the times of the second stream.
OFF = [(-100, 60), (0, 0), (100, -60)]


@pytest.mark.parametrize("pause", PAUSES)
def test_wherever_in_a_word_its_end_is_guessed_no_word_is_lost_or_said_twice(pause: int) -> None:
    for length, (following, short), (off, drift) in product(LENGTHS, NEXT, OFF):
        last = "Thursday"[: max(3, length // 60)]
        spoken = speech(*BEFORE, (last, length, pause), (following, short, 0), ("weather", 400, 0))
        _, begin, end = spoken.words[2]
        # A segment ends in silence, or is cut somewhere for its length.
        used = end + SILENCE_MS if pause >= SILENCE_MS else end + 1000
        for guess in range(begin + STEP_MS, end + 220, STEP_MS):
            known = [*spoken.words[:2], (last, min(begin + off, guess - STEP_MS), guess)]
            for told, late in ((samples(used), 0), (samples(used), samples(1500)), (None, 9000)):
                said = heard_twice(spoken, known, used=told, late=late, drift=drift)
                assert said == spoken.text, (length, following, off, drift, guess - end, told, late)


WORD = st.tuples(
    st.sampled_from(["no", "day", "Thursday", "that", "a", "there", "the", "Other"]),
    st.integers(200, 600),
    st.one_of(st.just(0), st.integers(20, 900)),
)


@example(
    said=[("Thursday", 500, 700), ("day", 300, 0)], count=1, early=280, drift=0, told=True
)  # a word of the same letters, which is new
@example(said=[("no", 200, 0), ("No", 200, 0)], count=1, early=100, drift=60, told=False)
@given(
    said=st.lists(WORD, min_size=2, max_size=6),
    count=st.integers(1, 5),
    early=st.integers(-40, 300),
    drift=st.sampled_from([-40, 0, 40]),
    told=st.booleans(),
)
@settings(deadline=None, max_examples=75)
def test_a_word_that_is_said_again_in_earnest_is_kept(
    said: list[tuple[str, int, int]], count: int, early: int, drift: int, *, told: bool
) -> None:
    spoken = speech(*said)
    count = min(count, len(said) - 1)
    text, begin, end = spoken.words[count - 1]
    # A word that is said twice in a breath is told from its double by its time alone.
    early = min(early, (end - begin) // 2)
    known = [*spoken.words[: count - 1], (text, begin, max(begin + STEP_MS, end - early))]
    ends_in_silence = said[count - 1][2] >= SILENCE_MS
    used = samples(end + SILENCE_MS) if told and ends_in_silence else None
    assert heard_twice(spoken, known, used=used, late=9000, drift=drift) == spoken.text


@pytest.mark.parametrize("pause", PAUSES)
def test_wherever_a_stream_is_cut_behind_a_word_no_word_is_lost_or_said_twice(pause: int) -> None:
    for length, early in product(LENGTHS, (-40, 0, 40, 200)):
        last = "Thursday"[: max(3, length // 60)]
        spoken = speech(*BEFORE, (last, length, pause), ("whether", 500, 0), ("it", 200, 0))
        _, begin, end = spoken.words[2]
        for cut in range(end, end + pause + 200, STEP_MS):
            guess = min(cut, max(begin + STEP_MS, end - early))
            coverage, _ = begun(spoken, BEGINNING, samples(cut))
            known = [*spoken.words[:2], (last, begin, guess)]
            first = coverage.note(final(known, 0, samples(cut)), samples(cut))
            assert coverage.end(samples(cut)) is None
            assert first is not None
            assert coverage.cursor is not None
            coverage, start = begun(spoken, coverage.cursor, spoken.end)
            rest = coverage.note(final(audible(spoken, start), start, spoken.end), spoken.end)
            assert rest is not None
            assert [*first.text.split(), *rest.text.split()] == spoken.text, (
                length,
                early,
                cut - end,
            )


def test_without_word_times_a_stream_begins_in_the_pause_the_final_was_said_in() -> None:
    spoken = speech(*BEFORE, ("Thursday", 500, 800), ("whether", 500, 700))
    _, _, end = spoken.words[2]
    for used in range(end + 300, end + 1000, STEP_MS):
        sent = samples(used) + 4000
        coverage, _ = begun(spoken, BEGINNING, sent)
        said = replace(final([*spoken.words[:3]], 0, samples(used)), words=())
        first = coverage.note(said, sent)
        assert first is not None
        assert first.cursor is not None
        assert end < first.cursor.position * 1000 <= end + 720
        assert [text for text, _, _ in audible(spoken, coverage.next_start)] == ["whether"]


def test_without_word_times_and_pauses_a_stream_begins_where_the_recogniser_was() -> None:
    spoken = speech(*BEFORE, ("Thursday", 500, 60), ("whether", 500, 0))
    used = samples(spoken.words[2][2])
    coverage, _ = begun(spoken, BEGINNING, spoken.end)
    assert coverage.note(replace(final([], 0, used), text="a", words=()), spoken.end) is not None
    assert coverage.next_start == used


def test_who_begins_to_speak_again_is_not_cut_in_the_first_word() -> None:
    spoken = speech(*BEFORE, ("Thursday", 500, 900), ("whether", 500, 700))
    _, begin, end = spoken.words[3]
    coverage, _ = begun(spoken, BEGINNING, spoken.end)
    told = [coverage.begins_to_speak(samples(at)) for at in range(begin - 400, end + 500, 100)]
    assert told == [False] * 5 + [True] * 6 + [False] * 3


def test_the_stop_inside_a_word_is_no_pause_and_what_lasts_longer_is_one() -> None:
    loud = noise(300, 4000.0)
    for quiet, found in ((60, False), (180, False), (220, True), (900, True)):
        sound = np.concatenate((loud, noise(quiet, 8.0), loud))
        window = AudioWindow(sound.astype("<i2").tobytes(), 0, RATE)
        assert bool(window.pauses()) == found, quiet


def test_where_energy_does_not_tell_speech_from_silence_there_is_no_pause() -> None:
    assert AudioWindow(noise(900, 300.0).astype("<i2").tobytes(), 0, RATE).pauses() == []
    [pause] = AudioWindow(bytes(2 * samples(900)), 500, RATE).pauses()
    assert (pause.first, pause.last) == (500, 500 + samples(900))
    assert AudioWindow(b"", 0, RATE).pauses() == []


SPOKEN, PAUSE = (500, 4000.0), (600, 5.0)
"""Milliseconds and loudness of a word that ends at 500, and of a pause from there to 1100."""


@pytest.mark.parametrize(
    ("after", "said", "start", "covered", "again"),
    [
        # In the pause, as long as it, or what was begun since, reaches to the cut.
        ((), (None, None), 1000, 1100, False),
        ((200,), (None, None), 1000, 1300, False),
        # A word that began longer ago than that was said, where it is not known what was.
        ((500,), (None, None), 1300, 1600, False),
        ((500,), (300, None), 1300, 1600, False),
        # Where that is known, what follows the pause was not, however long ago it began.
        ((200,), (None, 500), 1000, 500, False),
        ((500,), (None, 500), 1000, 500, False),
        ((500,), (200, 500), 1000, 500, False),
        # A word that seems to begin behind the pause's first 60 ms may be the one behind it.
        ((500,), (600, 1050), 1000, 1050, True),
        ((500,), (540, 1050), 1000, 1000, False),
        ((500,), (600, 700), 1000, 700, False),
        # What was said ends behind the pause: in the word that was cut, or shortly before it.
        ((500,), (1150, 1600), 1600, 1600, False),
        ((500,), (1150, 1540), 1540, 1540, False),
        ((500,), (1150, 1400), 1000, 1400, True),
    ],
)
def test_where_a_stream_begins_after_one_that_was_cut(
    after: tuple[int, ...],
    said: tuple[int | None, int | None],
    start: int,
    covered: int,
    *,
    again: bool,
) -> None:
    parts = [SPOKEN, PAUSE, *((length, 4000.0) for length in after)]
    sound = np.concatenate([noise(*part) for part in parts])
    first, end = (None if at is None else samples(at) for at in said)
    found = restart_at_cut(AudioWindow(sound.astype("<i2").tobytes(), 0, RATE), first, end)
    # Energy is told in frames of some milliseconds.
    assert found.start * 1000 / RATE == pytest.approx(start, abs=20)
    assert found.covered * 1000 / RATE == pytest.approx(covered, abs=20)
    assert found.again is again


@given(
    pcm=st.binary(max_size=6000).map(lambda raw: raw[: len(raw) // 2 * 2]),
    first=st.integers(0, 10**6),
    span=st.tuples(st.integers(-100, 4000), st.integers(-100, 4000)),
)
@settings(deadline=None)
def test_a_place_is_always_inside_the_audio(pcm: bytes, first: int, span: tuple[int, int]) -> None:
    window = AudioWindow(pcm, first, RATE)
    low, high = sorted(first + place for place in span)
    assert max(low, window.first) <= window.quiet_first(low, high) <= max(high, window.first)
    for pause in window.pauses():
        assert window.first <= pause.first < pause.last <= window.last
