"""What sessions come to, and which level is the most a stack carries."""

import pytest

from ops.load.judged import GeneratorShare, LevelResult, Usage, knee, result_of, spread, verdict
from ops.load.plan import Done, Level, Played

ON_TIME = GeneratorShare(lateness_p99_s=0.002, loop_lag_p99_s=0.003, cpu_cores=0.3)


def level(
    sessions: int,
    *,
    first: float = 0.2,
    final: float = 0.5,
    failed: int = 0,
    generators: GeneratorShare = ON_TIME,
    through: float = 1.0,
) -> LevelResult:
    return LevelResult(
        sessions=sessions,
        played=1000,
        failed={"timeout": failed} if failed else {},
        details={},
        queue=spread([0.01]),
        first_interim=spread([first] * 100),
        final=spread([final] * 100),
        rtfx=spread([0.98]),
        audio_per_second=through * sessions,
        offered_per_second=sessions,
        cuts=0,
        outage=spread([]),
        generators=generators,
        late=generators is not ON_TIME,
    )


def test_the_maximum_is_the_largest_level_below_the_first_one_that_missed_an_objective() -> None:
    found = verdict([level(50), level(200, final=0.7), level(100, final=0.9)])
    assert found.recommended == 50
    assert found.bound_by == ("final p95 is 0.900 s (objective 0.8 s)",)
    assert found.sentence == (
        "recommended maximum: 50 per Riva instance, 50 per gateway; "
        "bound by: final p95 is 0.900 s (objective 0.8 s)"
    )


def test_it_is_shared_out_over_machines_and_their_recognisers() -> None:
    found = verdict([level(120)], machines=2, instances_per_machine=3)
    assert found.sentence.startswith("recommended maximum: 20 per Riva instance, 60 per gateway")
    assert found.sentence.endswith("no level missed an objective")


@pytest.mark.parametrize(
    ("missed", "said"),
    [
        ({"first": 0.31}, "first interim p95 is 0.310 s"),
        ({"final": 0.81}, "final p95 is 0.810 s"),
        ({"failed": 5}, "0.50 % of sessions failed"),
    ],
)
def test_each_objective_can_bind(missed: dict[str, float], said: str) -> None:
    found = verdict([level(10, **missed)])  # type: ignore[arg-type]
    assert found.recommended is None
    assert said in found.sentence


def test_errors_below_the_objective_bind_nothing() -> None:
    assert verdict([level(10, failed=4)]).recommended == 10


def test_a_level_whose_processes_had_no_processor_says_that_it_measured_the_machine() -> None:
    waiting = {"gateway": Usage(waited=2.5), "balancer": Usage(waited=1.2)}
    starved = level(50, final=0.9).model_copy(update=waiting)
    assert verdict([level(25), starved]).sentence == (
        "recommended maximum: 25 per Riva instance, 25 per gateway; bound by: final p95 is 0.900 s "
        "(objective 0.8 s); there gateway, balancer waited longer for a processor than they had "
        "one, so this machine's processors, or other work on them, are what was measured"
    )
    assert level(50).model_copy(update={"gateway": Usage(waited=0.9)}).starved == ()


def test_what_was_not_measured_meets_no_objective() -> None:
    unknown = level(10).model_copy(update={"final": spread([])})
    assert verdict([unknown]).bound_by == ("final p95 was not measured (objective 0.8 s)",)


def test_a_late_generator_makes_the_run_invalid_and_is_named() -> None:
    late = GeneratorShare(lateness_p99_s=0.06, loop_lag_p99_s=0.003, cpu_cores=1.0)
    found = verdict([level(50), level(100, generators=late)])
    assert (found.valid, found.recommended) == (False, None)
    assert found.sentence.startswith("not valid: at 100 sessions the generators were late")


def test_the_knee_is_the_last_level_before_latency_doubles_or_audio_stays_behind() -> None:
    assert knee([level(10), level(20, final=0.7), level(40, final=1.1)]) == 20
    assert knee([level(10), level(20, through=0.9)]) == 10
    assert knee([level(10), level(20)]) is None


def played(at: float, **changes: object) -> Played:
    usual: dict[str, object] = {
        "clip": 0,
        "clip_s": 5.0,
        "dialect": "a",
        "queue_s": 0.01,
        "spoke_at": at + 0.01,
        "first_interim_s": 0.2,
        "final_s": 0.5,
        "audio_s": 5.0,
        "wall_s": 5.1,
    }
    return Played.model_validate({"at": at, **usual, **changes})


def summed(*sessions: Played, lateness: float | None = 0.001) -> LevelResult:
    plan = Level(sessions=2, begins=0.0, ramp_s=10.0, duration_s=20.0, voices=())
    done = Done(
        sessions=sessions,
        lateness_p99_s=lateness,
        lateness_max_s=lateness,
        loop_lag_p99_s=0.001,
        cpu_s=1.0,
        wall_s=2.0,
    )
    return result_of(plan, [done], {"gateway": Usage(cpu_cores=0.5)})


def test_latencies_count_where_all_voices_play_and_failures_everywhere() -> None:
    found = summed(
        played(2.0, final_s=9.0),
        played(12.0),
        played(3.0, failure="refused", detail="HTTP 503 no_slot"),
    )
    assert (found.final.count, found.final.p95) == (1, 0.5)
    assert found.failed == {"refused": 1}
    assert found.details == {"HTTP 503 no_slot": 1}


def test_a_session_that_was_cut_on_purpose_has_an_outage_and_no_latency() -> None:
    found = summed(played(12.0), played(13.0, cut=True, final_s=4.0, outage_s=0.4))
    assert (found.final.count, found.cuts, found.outage.p95) == (1, 1, 0.4)


def test_audio_counts_with_the_part_of_it_that_lies_in_the_level() -> None:
    found = summed(played(7.5, spoke_at=7.5, wall_s=5.0), played(15.0, failure="timeout"))
    assert found.audio_per_second == pytest.approx(2.5 / 20)
    assert found.offered_per_second == pytest.approx(7.5 / 20)


def test_a_generator_of_which_nothing_is_known_is_not_on_time() -> None:
    assert summed(played(12.0), lateness=None).late
    assert not summed(played(12.0)).late


def test_percentiles_are_of_what_was_measured() -> None:
    found = spread([None, *(float(number) for number in range(1, 101))])
    assert (found.count, found.p50, found.p95, found.p99) == (100, 50.0, 95.0, 99.0)
