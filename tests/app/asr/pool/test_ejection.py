"""Ejection of endpoints: Envoy's rules, followed through any order of answers and errors."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.asr.pool.ejection import Ejection, EjectionRules

RULES = EjectionRules()


class EjectionMachine(RuleBasedStateMachine):
    """Endpoints that answer and fail while time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.names: list[str] = []
        self.ejection = Ejection(["one"])
        self.errors: dict[str, int] = {}
        self.down: set[str] = set()  # whom a probe saw down since they were ejected
        self.joined = 0

    @initialize(count=st.integers(min_value=1, max_value=25))
    def endpoints(self, count: int) -> None:
        self.names = [f"riva-{number}" for number in range(count)]
        self.ejection = Ejection(self.names)
        self.errors = dict.fromkeys(self.names, 0)

    @rule(seconds=st.integers(min_value=0, max_value=120))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(data=st.data())
    def one_answers(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names))
        self.ejection.succeeded(name)
        self.errors[name] = 0

    @rule(data=st.data(), times=st.integers(min_value=1, max_value=7))
    def one_fails(self, data: st.DataObject, times: int) -> None:
        name = data.draw(st.sampled_from(self.names))
        for _ in range(times):
            was_away = self.ejection.is_ejected(name, self.now)
            room = self.away() < self.ejection.most_ejected
            ejected = self.ejection.failed(name, self.now)
            if not was_away:
                self.errors[name] += 1
                assert ejected == (self.errors[name] >= RULES.consecutive_errors and room)
            else:
                assert not ejected
            if ejected:
                self.errors[name] = 0
                self.down.discard(name)
                assert RULES.base_s <= self.ejection.left(name, self.now) <= RULES.longest_s

    @rule(data=st.data(), ready=st.booleans())
    def one_is_probed(self, data: st.DataObject, ready: bool) -> None:
        name = data.draw(st.sampled_from(self.names))
        was_away = self.ejection.is_ejected(name, self.now)
        ended = self.ejection.probed(name, self.now, ready=ready)
        assert ended == (was_away and ready and name in self.down)
        if was_away and not ready:
            self.down.add(name)
        if ended:
            assert not self.ejection.is_ejected(name, self.now)
            self.down.discard(name)

    @rule()
    def one_joins(self) -> None:
        self.joined += 1
        name = f"riva-new-{self.joined}"
        self.names.append(name)
        self.errors[name] = 0
        self.ejection.joined(name)
        assert self.ejection.total(name) == 0

    @precondition(lambda self: len(self.names) > 1)
    @rule(data=st.data())
    def one_is_gone(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names))
        self.names.remove(name)
        self.down.discard(name)
        self.ejection.gone(name, self.now)

    def away(self) -> int:
        return sum(self.ejection.is_ejected(name, self.now) for name in self.names)

    @invariant()
    def the_last_endpoint_is_never_ejected(self) -> None:
        assert not self.names or self.away() < len(self.names)

    @invariant()
    def no_more_than_the_share_are_away(self) -> None:
        assert self.away() <= max(1, int(len(self.names) * RULES.most_share))

    @invariant()
    def whoever_is_away_comes_back(self) -> None:
        for name in self.names:
            left = self.ejection.left(name, self.now)
            assert self.ejection.is_ejected(name, self.now) == (left > 0)
            assert not self.ejection.is_ejected(name, self.now + RULES.longest_s)


TestEjection = EjectionMachine.TestCase
TestEjection.settings = settings(deadline=None, max_examples=30, stateful_step_count=30)


def fail(ejection: Ejection, name: str, now: float, times: int = 5) -> list[bool]:
    return [ejection.failed(name, now) for _ in range(times)]


def test_the_fifth_error_in_a_row_ejects_and_each_ejection_is_longer_up_to_the_cap() -> None:
    ejection = Ejection(["a", "b"])
    now, lengths = 0.0, []
    for _ in range(12):
        assert fail(ejection, "a", now) == [False] * 4 + [True]
        lengths.append(ejection.left("a", now))
        now += lengths[-1]
    assert lengths[:4] == [30.0, 60.0, 90.0, 120.0]
    assert lengths[-1] == 300.0


def test_an_answer_between_the_errors_starts_the_count_anew() -> None:
    ejection = Ejection(["a", "b"])
    assert not any(fail(ejection, "a", 0.0, 4))
    ejection.succeeded("a")
    assert not any(fail(ejection, "a", 0.0, 4))


def test_time_in_use_takes_ejections_off_the_record() -> None:
    ejection = Ejection(["a", "b"])
    fail(ejection, "a", 0.0)
    fail(ejection, "a", 30.0)
    assert ejection.left("a", 30.0) == 60.0
    fail(ejection, "a", 90.0 + 2 * RULES.forgiven_s)
    assert ejection.left("a", 90.0 + 2 * RULES.forgiven_s) == 30.0


def test_the_only_endpoint_and_the_last_of_two_are_kept() -> None:
    alone = Ejection(["a"])
    assert not any(fail(alone, "a", 0.0, 50))
    two = Ejection(["a", "b"])
    assert fail(two, "a", 0.0)[-1]
    assert not any(fail(two, "b", 0.0, 50))
    # Once the first one is back, the next error of the second one counts.
    assert two.failed("b", 30.0)


def test_a_probe_ends_an_ejection_only_where_it_saw_the_endpoint_down_since() -> None:
    ejection = Ejection(["a", "b"])
    fail(ejection, "a", 0.0)
    # It was ready all the while its streams died: the probe does not see what is wrong.
    assert not ejection.probed("a", 1.0, ready=True)
    assert ejection.is_ejected("a", 1.0)
    assert not ejection.probed("a", 2.0, ready=False)
    assert ejection.probed("a", 3.0, ready=True)
    assert not ejection.is_ejected("a", 3.0)
    # The next ejection is longer all the same, and takes a new proof.
    fail(ejection, "a", 4.0)
    assert ejection.left("a", 4.0) == 60.0
    assert not ejection.probed("a", 5.0, ready=True)


def test_the_one_that_is_left_over_comes_back() -> None:
    ejection = Ejection(["a", "b"])
    fail(ejection, "a", 0.0)
    ejection.gone("b", 1.0)
    assert not ejection.is_ejected("a", 1.0)
