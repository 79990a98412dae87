"""Results as a table for people and as JSON for everything else."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from ops.percentile import percentile
from ops.qa.measure import Result
from ops.qa.wer import ALL, Errors, totals

_PERCENTILES = (50, 95)


def _latencies(results: Iterable[Result]) -> dict[str, list[float]]:
    """Return seconds by kind; a clip without a latency of a kind gives none."""
    found: dict[str, list[float]] = {
        "first_interim_after_speech_s": [],
        "first_interim_s": [],
        "final_lag_s": [],
        "last_final_s": [],
    }
    for result in results:
        if result.outcome is None:
            continue
        found["final_lag_s"] += result.outcome.final_lags_s
        for kind in ("first_interim_after_speech_s", "first_interim_s", "last_final_s"):
            value = getattr(result.outcome, kind)
            if value is not None:
                found[kind].append(value)
    return found


def latency_summary(results: Sequence[Result]) -> dict[str, dict[str, float | int | None]]:
    """Return percentiles and counts of each kind of latency, in seconds."""
    return {
        kind: {
            "count": len(values),
            **{f"p{share}": percentile(values, share) for share in _PERCENTILES},
        }
        for kind, values in _latencies(results).items()
    }


def tag_totals(results: Sequence[Result]) -> Mapping[str, Errors]:
    """Return errors by tag and over everything."""
    return totals((result.clip.tags, result.errors) for result in results)


def totals_as_json(results: Sequence[Result]) -> dict[str, dict[str, float | int | None]]:
    """Return totals by tag. Rates are shares (0.036 is 3.6 %), null where nothing was said."""
    return {tag: _errors(errors) for tag, errors in tag_totals(results).items()}


def _errors(errors: Errors) -> dict[str, float | int | None]:
    return {
        "wer": errors.rate,
        "words": errors.reference,
        "substituted": errors.substituted,
        "deleted": errors.deleted,
        "inserted": errors.inserted,
    }


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"


def _row(name: str, errors: Errors, remark: str = "") -> tuple[str, ...]:
    return (
        name,
        _percent(errors.rate),
        str(errors.reference),
        str(errors.substituted),
        str(errors.deleted),
        str(errors.inserted),
        remark,
    )


def _remark(result: Result) -> str:
    """Say why a clip failed, or that its connection was made again, as its latencies show."""
    if result.outcome is None:
        return result.failure or ""
    breaks = len(result.outcome.reconnects)
    return f"connected again {breaks} time(s)" if breaks else ""


def as_table(results: Sequence[Result]) -> Table:
    """Return a row for each clip, then one for each tag, then the total."""
    table = Table("clip", box=None, pad_edge=False)
    for column in ("WER", "words", "sub", "del", "ins"):
        table.add_column(column, justify="right")
    table.add_column("")
    for result in results:
        table.add_row(*_row(result.clip.name, result.errors, _remark(result)))
    table.add_section()
    for tag, errors in tag_totals(results).items():
        style = "bold" if tag == ALL else None
        table.add_row(*_row(tag if tag == ALL else f"#{tag}", errors), style=style)
    return table


def latency_table(results: Sequence[Result]) -> Table:
    """Return a row for each kind of latency that was measured at all."""
    table = Table("latency", "count", "p50 s", "p95 s", box=None, pad_edge=False)
    for kind, values in _latencies(results).items():
        if values:
            shown = (percentile(values, share) for share in _PERCENTILES)
            table.add_row(kind, str(len(values)), *(f"{value:.3f}" for value in shown))
    return table
