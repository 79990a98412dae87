"""What the page keeps for sending it again, and how long it waits before it comes back.

The queue is held against a plain list that never forgets, over any order of what can happen to it.
Does not prove that the session uses them well: test_page_resumes.py does.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.async_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

CAPACITY = 12
"""Samples. The rate below is a power of two, so that every position is a whole binary fraction."""
RATE = 4

DO = """async ([rate, seconds, steps]) => {
  const { Kept } = await import("/static/kept.js");
  const kept = new Kept(rate, seconds);
  const samples = (buffer) => buffer === null ? null : [...new Uint16Array(buffer)];
  return steps.map(([name, given]) => {
    const result = name === "push" ? kept.push(Uint16Array.from(given).buffer)
      : name === "take" ? samples(kept.take(given)) : kept[name](given);
    return [result ?? null, kept.end, kept.unsent];
  });
}"""

STEPS = st.lists(
    st.tuples(st.just("push"), st.integers(1, 5))
    | st.tuples(st.just("take"), st.integers(1, 5))
    | st.tuples(st.sampled_from(["forget", "rewind", "since"]), st.integers(0, 40)),
    max_size=40,
)


class Everything:
    """The same queue, with all audio of the session."""

    def __init__(self) -> None:
        self.audio: list[int] = []
        self.start = 0
        self.next = 0

    def push(self, frame: list[int]) -> bool:
        if len(self.audio) + len(frame) - max(self.start, self.next) > CAPACITY:
            return False
        self.audio += frame
        self.start = max(self.start, len(self.audio) - CAPACITY)
        return True

    def take(self, most: int) -> list[int] | None:
        wanted = range(self.next, min(self.next + most, len(self.audio)))
        self.next = max(self.next, wanted.stop)
        return [self.audio[at] if at >= self.start else 0 for at in wanted] or None

    def forget(self, position: float) -> None:
        self.start = max(self.start, min(int(position * RATE), self.next))

    def rewind(self, position: float) -> dict[str, float] | None:
        self.next = min(int(position * RATE), len(self.audio))
        if self.next >= self.start:
            return None
        return {"start": self.next / RATE, "end": self.start / RATE}

    def since(self, position: float) -> dict[str, float] | None:
        start = min(int(position * RATE), len(self.audio))
        if start == len(self.audio):
            return None
        return {"start": start / RATE, "end": len(self.audio) / RATE}

    def do(self, name: str, given: Any) -> list[Any]:  # noqa: ANN401 - what a step takes
        result = getattr(self, name)(given)
        return [result, len(self.audio) / RATE, (len(self.audio) - self.next) / RATE]


@settings(
    max_examples=75,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_audio_is_sent_in_order_and_again_from_any_point_that_is_not_settled(
    modules: Page, steps: list[tuple[str, int]]
) -> None:
    number = 0
    given_steps: list[list[Any]] = []
    for name, amount in steps:
        if name == "push":
            given_steps.append([name, list(range(number + 1, number + 1 + amount))])
            number += amount
        else:
            given_steps.append([name, amount if name == "take" else amount / RATE])
    seen = await modules.evaluate(DO, [RATE, CAPACITY / RATE, given_steps])
    everything = Everything()
    assert seen == [everything.do(name, amount) for name, amount in given_steps]


async def test_what_was_never_sent_is_not_dropped_for_what_comes_later(modules: Page) -> None:
    fill = [["push", [1] * CAPACITY], ["push", [2]], ["take", CAPACITY]]
    seen = await modules.evaluate(DO, [RATE, CAPACITY / RATE, fill])
    assert [result for result, _, _ in seen] == [True, False, [1] * CAPACITY]


async def test_what_is_gone_is_named_and_sent_as_silence_so_that_later_times_stay_right(
    modules: Page,
) -> None:
    steps = [
        *(["push", [7] * 6], ["take", 6], ["push", [8] * 6], ["take", 6], ["push", [9] * 4]),
        *(["rewind", 0.5], ["take", 20]),
    ]
    seen = await modules.evaluate(DO, [RATE, CAPACITY / RATE, steps])
    assert seen[-2][0] == {"start": 0.5, "end": 1.0}
    assert seen[-1][0] == [0] * 2 + [7] * 2 + [8] * 6 + [9] * 4


@pytest.mark.parametrize(
    ("drawn", "retry_after", "waits"),
    [
        (0.5, None, [0.25, 0.5, 1, 2, 4, 5, 5]),
        (0.0, None, [0] * 7),
        (0.5, 3, [3.25, 3.5, 4, 5, 7, 8, 8]),
    ],
)
async def test_waits_are_drawn_from_a_range_that_doubles_and_never_undercut_the_server(
    modules: Page, drawn: float, retry_after: float | None, waits: list[float]
) -> None:
    seen = await modules.evaluate(
        """async ([drawn, retryAfter]) => {
          const { Backoff } = await import("/static/backoff.js");
          const backoff = new Backoff(() => drawn);
          return Array.from({ length: 7 }, () => backoff.next(retryAfter));
        }""",
        [drawn, retry_after],
    )
    assert seen == waits


async def test_a_lost_stretch_is_told_to_the_tenth_of_a_second(modules: Page) -> None:
    said = await modules.evaluate("""async () => {
      const { lostSentence } = await import("/static/trouble.js");
      return lostSentence({ start: 59.96, end: 75.24 });
    }""")
    assert "between 1:00.0 and 1:15.2" in said
