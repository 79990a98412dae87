"""Whether a canary is as good as its baseline: samples compared, limits as data. Pure."""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.catalogue.objectives import ERROR_SHARE, FINAL_S, FIRST_INTERIM_S

Result = Literal["pass", "fail", "inconclusive"]


class Sample(BaseModel):
    """One session of ours.

    Attributes:
        first_interim_s: From speech's begin to the first interim; None where none came.
        final_s: From the end of speech to the last final; None where none came after it.
        words: Words that were said.
        wrong: Words that were heard wrong, added or left out.
        failure: Why the session failed; None where it did not.
    """

    model_config = ConfigDict(frozen=True)

    first_interim_s: float | None = None
    final_s: float | None = None
    words: int = 0
    wrong: int = 0
    failure: str | None = None


class Limits(BaseModel):
    """What is allowed.

    An absolute limit is the plan's. Where the baseline itself is beyond it, the canary may be as
    bad as that and a little more: a network or a load that both share must not fail either.

    Attributes:
        samples: Sessions that a colour needs in a step before anything but errors is judged.
        first_interim_s: Median seconds to the first interim.
        final_s: Median seconds from the end of speech to the last final.
        slower: Beyond the baseline's latency, as a share of it.
        slower_s: And so many seconds more.
        errors: Share of failed sessions.
        failures: Fewer failed sessions than these are no proof of a share.
        wer: Word error rate.
        more_wrong: Beyond the baseline's word error rate, as a share of it.
        more_wrong_points: And so much more.
        early: While the bake goes on, only what is so many times beyond what is allowed fails:
            every round is another chance to be unlucky.
    """

    model_config = ConfigDict(frozen=True)

    samples: int = Field(default=3, ge=1)
    first_interim_s: float = FIRST_INTERIM_S
    final_s: float = FINAL_S
    slower: float = 0.2
    slower_s: float = 0.1
    errors: float = ERROR_SHARE
    failures: int = Field(default=2, ge=1)
    wer: float = 0.12
    more_wrong: float = 0.1
    more_wrong_points: float = 0.02
    early: float = Field(default=2.0, ge=1)


LIMITS: Final = Limits()


class Seen(BaseModel):
    """What the samples of one colour come to.

    Attributes:
        sessions: All of them.
        failed: Those that failed.
        first_interim_s: Median; None where nothing was measured.
        final_s: Median; likewise.
        wer: Share of wrong words over all sessions that did not fail; None without a word.
    """

    model_config = ConfigDict(frozen=True)

    sessions: int
    failed: int
    first_interim_s: float | None
    final_s: float | None
    wer: float | None


class Comparison(BaseModel):
    """One thing compared.

    Attributes:
        name: latency and word error rate by the names of `Limits`, or errors.
        canary: Of the canary; None where it was not measured.
        baseline: Of the baseline.
        allowed: Most that is allowed; None where that cannot be said.
        result: What follows.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    canary: float | None
    baseline: float | None
    allowed: float | None
    result: Result


class Verdict(BaseModel):
    """What a step's samples say.

    Attributes:
        result: fail where anything failed, pass where all passed.
        reason: A sentence for people.
        comparisons: Everything that was compared.
    """

    model_config = ConfigDict(frozen=True)

    result: Result
    reason: str
    comparisons: tuple[Comparison, ...] = ()


def summarise(samples: Sequence[Sample]) -> Seen:
    """Return what the samples of one colour come to.

    Medians, because a step has few sessions: of ten, the 95th percentile is the worst one, which
    tells of its luck. The tail of real sessions is watched by the alarms.
    """
    served = [sample for sample in samples if sample.failure is None]
    words = sum(sample.words for sample in served)
    return Seen(
        sessions=len(samples),
        failed=len(samples) - len(served),
        first_interim_s=_median(sample.first_interim_s for sample in served),
        final_s=_median(sample.final_s for sample in served),
        wer=sum(sample.wrong for sample in served) / words if words else None,
    )


def judge(
    canary: Sequence[Sample],
    baseline: Sequence[Sample],
    limits: Limits = LIMITS,
    *,
    baked: bool = True,
) -> Verdict:
    """Compare the canary's samples with those of the baseline at the same time.

    Args:
        canary: Sessions of the colour that is being released, in one step.
        baseline: Sessions of the colour in service, sent beside them.
        limits: What is allowed.
        baked: Whether the step was watched for long enough; before that, what is beyond the limits
            by little is not judged yet.
    """
    early = 1.0 if baked else limits.early
    new, old = summarise(canary), summarise(baseline)
    errors = _errors(new, old, limits)
    if errors.result == "fail":
        return Verdict(
            result="fail",
            reason=f"{new.failed} of {new.sessions} sessions failed at the canary, "
            f"{old.failed} of {old.sessions} at the baseline: {_first_failure(canary)}",
            comparisons=(errors,),
        )
    served = min(new.sessions - new.failed, old.sessions - old.failed)
    if served < limits.samples:
        return Verdict(
            result="inconclusive",
            reason=f"{served} pairs of sessions are too few to judge; {limits.samples} are needed",
            comparisons=(errors,),
        )
    slower = (limits.slower, limits.slower_s, early)
    wrong = (limits.more_wrong, limits.more_wrong_points, early)
    interims = (new.first_interim_s, old.first_interim_s)
    compared = (
        errors,
        _compare("first_interim_s", *interims, limits.first_interim_s, *slower),
        _compare("final_s", new.final_s, old.final_s, limits.final_s, *slower),
        _compare("wer", new.wer, old.wer, limits.wer, *wrong),
    )
    for result in ("fail", "inconclusive"):
        found = [one for one in compared if one.result == result]
        if found:
            return Verdict(
                result=result, reason="; ".join(_words(one) for one in found), comparisons=compared
            )
    return Verdict(
        result="pass",
        reason=f"{new.sessions} sessions as good as the baseline's",
        comparisons=compared,
    )


def _errors(new: Seen, old: Seen, limits: Limits) -> Comparison:
    def rate(seen: Seen) -> float | None:
        return seen.failed / seen.sessions if seen.sessions else None

    canary, baseline = rate(new), rate(old)
    allowed = max(limits.errors, baseline or 0.0)
    if canary is None or baseline is None:
        result: Result = "inconclusive"
    elif canary <= allowed:
        # Where both fail, it is perhaps the way there: nobody can say that the canary is well.
        result = "pass" if canary <= limits.errors else "inconclusive"
    else:
        result = "fail" if new.failed - old.failed >= limits.failures else "inconclusive"
    return Comparison(
        name="errors", canary=canary, baseline=baseline, allowed=allowed, result=result
    )


def _compare(  # noqa: PLR0913, PLR0917 - two numbers and those by which they are compared
    name: str,
    canary: float | None,
    baseline: float | None,
    limit: float,
    share: float,
    more: float,
    early: float,
) -> Comparison:
    if canary is None or baseline is None:
        # Also where the baseline measured nothing: then the corpus or the way there is at fault.
        return Comparison(
            name=name, canary=canary, baseline=baseline, allowed=None, result="inconclusive"
        )
    allowed = max(limit, baseline * (1 + share) + more)
    result: Result = "pass"
    if canary > allowed and not math.isclose(canary, allowed):
        result = "fail" if canary > early * allowed else "inconclusive"
    return Comparison(name=name, canary=canary, baseline=baseline, allowed=allowed, result=result)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _first_failure(samples: Sequence[Sample]) -> str:
    return next(sample.failure for sample in samples if sample.failure is not None)


def _words(one: Comparison) -> str:
    names = {
        "errors": "failed sessions",
        "first_interim_s": "first interim",
        "final_s": "final after the end of speech",
        "wer": "word error rate",
    }
    shown = _seconds if one.name.endswith("_s") else _percent
    limit = "" if one.allowed is None else f", allowed {shown(one.allowed)}"
    return (
        f"{names[one.name]} {shown(one.canary)} at the canary, {shown(one.baseline)} at the "
        f"baseline{limit}"
    )


def _seconds(value: float | None) -> str:
    return "not measured" if value is None else f"{1000 * value:.0f} ms"


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.1f} %"
