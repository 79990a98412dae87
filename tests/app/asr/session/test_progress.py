"""From where a client is told to go on, and what it is told was lost."""

from dataclasses import dataclass

from app.asr import BEGINNING, Cursor
from app.asr.session.progress import Progress


@dataclass
class Stream:
    """A stream whose cursor the test moves."""

    cursor: Cursor | None


def at(position: float, segment_id: int, covered: float | None = None) -> Cursor:
    end = position if covered is None else covered
    return Cursor(position=position, covered=end, segment_id=segment_id)


def begun(begin: Cursor = BEGINNING) -> tuple[Progress, Stream]:
    stream = Stream(begin)
    return Progress(begin, stream), stream


def test_a_cursor_counts_only_once_the_final_before_it_was_sent() -> None:
    progress, stream = begun()
    stream.cursor = at(1.0, 1)
    assert progress.cursor == BEGINNING
    progress.final_used(at(1.0, 1))
    assert progress.cursor == at(1.0, 1)


def test_between_finals_the_cursor_moves_over_silence() -> None:
    progress, stream = begun(at(5.0, 3))
    stream.cursor = at(65.0, 3, covered=5.0)
    assert progress.cursor == stream.cursor


def test_where_the_recogniser_holds_no_cursor_the_last_one_sent_is_still_right() -> None:
    progress, stream = begun()
    progress.final_used(at(1.0, 1))
    stream.cursor = None
    assert progress.cursor == at(1.0, 1)


def test_after_a_final_that_does_not_say_what_it_covers_nobody_knows() -> None:
    progress, stream = begun()
    stream.cursor = None
    progress.final_used(None)
    assert progress.cursor is None
    assert progress.lost(10.0) is None
    progress.final_used(at(12.0, 2))
    assert progress.lost(15.0) == (12.0, 15.0)


def test_lost_is_what_lies_behind_both_the_last_word_and_the_silence_after_it() -> None:
    progress, stream = begun()
    progress.final_used(at(0.8, 1, covered=1.0))
    assert progress.lost(3.0) == (1.0, 3.0)
    stream.cursor = at(2.5, 1, covered=1.0)
    assert progress.lost(3.0) == (2.5, 3.0)


def test_the_recognisers_own_word_on_what_it_leaves_undone_wins() -> None:
    progress, _ = begun()
    progress.failed(None)
    assert progress.lost(3.0) == (0.0, 3.0)
    progress.failed((1.25, 2.0))
    # What had come and waited for it is lost as well.
    assert progress.lost(3.0) == (1.25, 3.0)


def test_nothing_is_lost_where_everything_is_final_or_nothing_came() -> None:
    progress, _ = begun(at(4.0, 2))
    assert progress.lost(4.0) is None
    assert progress.lost(4.0004) is None
    progress.completed()
    assert progress.lost(9.0) is None
