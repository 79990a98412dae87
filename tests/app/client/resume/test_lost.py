"""What a client says is in no final, should its session end now; the finals are from a script."""

import pytest

from app.contract.dialect_a import Transcription
from app.contract.fields import AudioSpan, ResumePoint, WordTiming
from tests.app.client.resume.sessions import session
from tests.support.gateways import scripted as play


def said(
    *words: tuple[float, float], processed: float | None = None, text: str = "said"
) -> Transcription:
    """A final with words from and to these seconds."""
    timed = [
        WordTiming(word=f"w{number}", start=start, end=end, confidence=None)
        for number, (start, end) in enumerate(words)
    ]
    return play.final(0, text, timed).model_copy(update={"audio_processed": processed})


@pytest.mark.parametrize(
    ("final", "start"),
    [
        pytest.param(said((0.0, 0.2)), 0.2, id="a word"),
        pytest.param(said((0.0, 0.2), (0.3, 0.5), (0.6, 0.75)), 0.75, id="the last of some words"),
        pytest.param(said((0.0, 0.2), processed=0.9), 0.2, id="words before what was processed"),
        pytest.param(said(processed=0.625), 0.625, id="no times of words"),
        pytest.param(said(text=""), 0.0, id="nothing"),
    ],
)
async def test_what_is_lost_begins_where_the_last_word_of_all_finals_ends(
    final: Transcription, start: float
) -> None:
    running = session()
    assert running.lost == AudioSpan(start=0.0, end=1.0)
    running.received(final)
    assert running.lost == AudioSpan(start=start, end=1.0)
    # One that ends earlier takes nothing back.
    running.received(said((0.0, 0.1)))
    assert running.lost == AudioSpan(start=max(start, 0.1), end=1.0)


async def test_nobody_knows_what_is_lost_after_a_final_that_does_not_say_where_it_ends() -> None:
    running = session()
    running.received(said())
    assert running.lost is None
    # Whoever can go on from a place knows that what lies behind it is in no final.
    at = {"resume": ResumePoint(position=0.5, token="t1")}
    running.received(said().model_copy(update=at))
    assert running.lost == AudioSpan(start=0.5, end=1.0)


async def test_nothing_is_lost_where_the_finals_reach_the_end() -> None:
    running = session()
    running.received(said((0.5, 1.0)))
    assert running.lost is None
