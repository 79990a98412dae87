"""What the dashboards show: data, without Grafana's JSON. `ops.observe.dashboards` makes that."""

from dataclasses import dataclass
from typing import Final

from infra.catalogue.limits import DISK_FREE_GB, GPU_MEMORY_SHARE
from infra.catalogue.objectives import FINAL_S, FIRST_INTERIM_S, OBJECTIVES

CHOSEN: Final = 'job=~"$job", instance=~"$instance"'
"""Of every series that a machine exposes: what is chosen at the top of the dashboard."""
EVERY: Final = "$__rate_interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph.

    Attributes:
        title: Of the graph.
        about: What a person learns from it.
        unit: Grafana's id of the unit.
        queries: Legend -> PromQL.
        limit: Where a line is drawn, None for nowhere.
        leads_to: Uid of the dashboard that says why, None for none.
        needs: What a stack must have for the graph to have data, where not every stack has it.
    """

    title: str
    about: str
    unit: str
    queries: dict[str, str]
    limit: float | None = None
    leads_to: str | None = None
    needs: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One dashboard.

    Attributes:
        uid: In its address.
        title: Of the dashboard.
        about: Which question it answers.
        panels: Three in a row.
    """

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]


def _quantiles(histogram: str, by: str = "") -> dict[str, str]:
    legend = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{share:g}{legend}": f"histogram_quantile({share / 100:g}, sum by (le{by and ', ' + by}) "
        f"(rate({histogram}_bucket{{{CHOSEN}}}[{EVERY}])))"
        for share in ((95,) if by else (50, 95, 99))
    }


def _rate(counter: str, by: str) -> dict[str, str]:
    return {f"{{{{{by}}}}}": f"sum by ({by}) (rate({counter}{{{CHOSEN}}}[{EVERY}]))"}


LATENCY, MACHINE = "perch-latency", "perch-machine"
_A_GPU: Final = "a machine with a GPU, whose exporter is scraped"
_A_MACHINE: Final = "a machine in AWS, whose exporter is scraped"
_WHY: Final = {"first-interim-late": LATENCY, "final-late": LATENCY}

_SLOTS: Final = Panel(
    title="Sessions and slots",
    about="At nine tenths of the slots, new sessions are about to be refused.",
    unit="short",
    queries={
        "sessions {{instance}}": f"sum by (instance) (perch_sessions_active{{{CHOSEN}}})",
        "slots {{instance}}": f"sum by (instance) (perch_session_slots{{{CHOSEN}}})",
    },
    leads_to=MACHINE,
)

OVERVIEW: Final = Screen(
    uid="perch-overview",
    title="Perch: are the objectives kept?",
    about="First screen: each objective as users feel it. The link of a late one says why.",
    panels=(
        *(
            Panel(
                title=one.title,
                about=f"Promised: {one.promise}. Share of five minutes.",
                unit="percentunit",
                queries={
                    "{{environment}} {{colour}}": "1 - slo:sli_error:ratio_rate5m"
                    f'{{slo="{one.slug}"}}'
                },
                limit=one.target,
                leads_to=_WHY.get(one.slug, MACHINE),
            )
            for one in OBJECTIVES
        ),
        Panel(
            title="Budget left of three days",
            about="100 % is untouched, 0 used up, below 0 broken.",
            unit="percentunit",
            queries={
                "{{slo}} {{colour}}": "1 - slo:sli_error:ratio_rate3d / on (slo) group_left () "
                "(1 - slo:objective:ratio)"
            },
            limit=0.0,
        ),
        _SLOTS,
        Panel(
            title="Sessions started",
            about="A second, by dialect.",
            unit="short",
            queries=_rate("perch_sessions_started_total", "dialect"),
        ),
        Panel(
            title="Sessions ended",
            about="A second, by reason; error codes are in docs/contract.md.",
            unit="short",
            queries=_rate("perch_sessions_ended_total", "reason"),
        ),
        Panel(
            title="Not admitted",
            about="A second, by code.",
            unit="short",
            queries={
                # A code has no series before its first refusal; nothing refused is to be seen.
                "all": "sum(rate(perch_admission_refused_total"
                f"{{{CHOSEN}}}[{EVERY}])) or vector(0)",
                **_rate("perch_admission_refused_total", "code"),
            },
        ),
    ),
)

WHY_LATE: Final = Screen(
    uid=LATENCY,
    title="Perch: why are words late?",
    about="Left to right the way of a word: what the speaker feels, the gateway, the recogniser.",
    panels=(
        Panel(
            title="Final after the end of speech",
            about="What the speaker feels. Whichever of the next rose with it is why.",
            unit="s",
            queries=_quantiles("perch_final_latency_seconds"),
            limit=FINAL_S,
        ),
        Panel(
            title="First interim after the begin of speech",
            about="In time while finals are late: the pause that the recogniser waits for, that is "
            "endpointing. Late too: load.",
            unit="s",
            queries=_quantiles("perch_first_interim_latency_seconds"),
            limit=FIRST_INTERIM_S,
        ),
        Panel(
            title="Final by gateway, p95",
            about="One gateway: its machine. All: load, a release, or the network before them.",
            unit="s",
            queries=_quantiles("perch_final_latency_seconds", "instance"),
            limit=FINAL_S,
            leads_to=MACHINE,
        ),
        Panel(
            title="Audio waits for the recogniser",
            about="Rises where the recogniser takes audio more slowly than it is spoken.",
            unit="s",
            queries=_quantiles("perch_queue_wait_seconds"),
            leads_to=MACHINE,
        ),
        Panel(
            title="Age of the newest audio in a result",
            about="The recogniser's own time, without the pause that a final waits for.",
            unit="s",
            queries=_quantiles("perch_result_latency_seconds", "kind"),
        ),
        Panel(
            title="Event loop lag",
            about="Rises where the gateway's own CPU is full.",
            unit="s",
            queries=_quantiles("perch_event_loop_lag_seconds"),
            leads_to=MACHINE,
        ),
        Panel(
            title="Between two interims",
            about="Rises where the recogniser hesitates, or was lost and audio is sent again.",
            unit="s",
            queries=_quantiles("perch_interim_gap_seconds"),
        ),
        Panel(
            title="Streams at the recogniser ended",
            about="A second, by gRPC status: anything but OK was lost and replayed.",
            unit="short",
            queries=_rate("perch_upstream_streams_total", "code"),
        ),
        Panel(
            title="Time without a recogniser",
            about="Of sessions whose recogniser was lost.",
            unit="s",
            queries=_quantiles("perch_stream_outage_seconds"),
        ),
    ),
)

ONE_MACHINE: Final = Screen(
    uid=MACHINE,
    title="Perch: is a machine at its limit?",
    about="Gateway, GPU and host of the chosen machines.",
    panels=(
        _SLOTS,
        Panel(
            title="Gateway CPU",
            about="Of one core; the event loop has no more than one.",
            unit="percentunit",
            queries={"{{instance}}": f"rate(process_cpu_seconds_total{{{CHOSEN}}}[{EVERY}])"},
        ),
        Panel(
            title="Gateway memory",
            about="Resident; what grows without sessions is a leak.",
            unit="bytes",
            queries={"{{instance}}": f"process_resident_memory_bytes{{{CHOSEN}}}"},
        ),
        Panel(
            title="GPU busy",
            about="At 100 % for long, words wait.",
            unit="percentunit",
            queries={"{{instance}}": f"perch_gpu_utilization_ratio{{{CHOSEN}}}"},
            needs=_A_GPU,
        ),
        Panel(
            title="GPU memory used",
            about="Beyond 97 %, the next allocation may fail.",
            unit="percentunit",
            queries={
                "{{instance}}": f"perch_gpu_memory_used_bytes{{{CHOSEN}}} "
                f"/ perch_gpu_memory_total_bytes{{{CHOSEN}}}"
            },
            limit=GPU_MEMORY_SHARE,
            needs=_A_GPU,
        ),
        Panel(
            title="GPU temperature",
            about="A hot GPU lowers its clock.",
            unit="celsius",
            queries={"{{instance}}": f"perch_gpu_temperature_celsius{{{CHOSEN}}}"},
            needs=_A_GPU,
        ),
        Panel(
            title="Recogniser ready",
            about="0: the gateway sends it nothing.",
            unit="short",
            queries={"{{instance}} {{endpoint}}": f"perch_endpoint_ready{{{CHOSEN}}}"},
        ),
        Panel(
            title="Disk free",
            about="A pull or a model build needs more than 20 GB.",
            unit="bytes",
            queries={"{{instance}}": f"perch_host_disk_free_bytes{{{CHOSEN}}}"},
            limit=DISK_FREE_GB * 1e9,
            needs=_A_MACHINE,
        ),
        Panel(
            title="Open files of the gateway",
            about="Each connection is one.",
            unit="short",
            queries={"{{instance}}": f"process_open_fds{{{CHOSEN}}}"},
        ),
    ),
)

SCREENS: Final = (OVERVIEW, WHY_LATE, ONE_MACHINE)
