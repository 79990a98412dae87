"""Whether memory grew all the while: made-up readings, one a second."""

import random

import pytest

from ops.load.soak import MATTERS_BYTES_PER_HOUR, growth

MIB = 2**20


def readings(
    per_hour: float, *, seconds: int = 3600, noise: float = MIB
) -> list[tuple[float, int]]:
    chance = random.Random(7)  # noqa: S311 - noise, no secret
    return [
        (float(at), int(200 * MIB + per_hour * at / 3600 + chance.gauss(0, noise)))
        for at in range(seconds)
    ]


def test_memory_that_stays_is_steady() -> None:
    found = growth(readings(0.0))
    assert found.verdict == "steady"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


def test_memory_that_grows_by_more_than_matters_is_a_leak_with_its_confidence() -> None:
    found = growth(readings(100 * MIB))
    assert found.verdict == "leak"
    assert found.bytes_per_hour == pytest.approx(100 * MIB, rel=0.05)
    assert found.low is not None
    assert found.low > MATTERS_BYTES_PER_HOUR
    assert found.sentence.startswith("leak: +")


def test_a_pool_that_fills_at_the_beginning_is_no_leak() -> None:
    filling = [
        (at, size + int(min(at, 400.0) * MIB / 4)) for at, size in readings(0.0, seconds=3600)
    ]
    assert growth(filling).verdict == "steady"


@pytest.mark.parametrize(
    ("seconds", "kept", "hours"),
    # A fifth of them is settling; those that are left span one second less.
    [(0, 0, 0.0), (1, 1, 0.0), (20, 16, 15 / 3600)],
)
def test_too_few_readings_say_nothing_but_how_many_they_are(
    seconds: int, kept: int, hours: float
) -> None:
    found = growth(readings(0.0, seconds=seconds))
    assert (found.verdict, found.readings, found.hours) == ("not clear", kept, hours)
    assert (found.bytes_per_hour, found.low, found.high) == (None, None, None)
    assert found.sentence == f"not clear: {kept} readings are too few for a line"


def test_too_noisy_readings_say_nothing() -> None:
    assert growth(readings(0.0, seconds=60, noise=5 * MIB)).verdict == "not clear"
