"""Each fault raises exactly the alert that is meant for it, and the alert clears: by promtool.

Prometheus itself evaluates the rules over series that are written down here. Not proved: that a
gateway's series move like these; tests of the gateway have that.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from infra.catalogue.objectives import OBJECTIVES
from ops.observe.documents import RULES
from ops.observe.rules import alert_name
from ops.observe.symptoms import SYMPTOMS

pytestmark = [
    pytest.mark.tool,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's `prometheus`"),
]

STEP: Final = 2
"""Minutes between two samples."""
LOOKED_AT: Final = 5
"""Minutes between two evaluations: the shortest window."""
LONG_CALM: Final = 25 * 60
"""Minutes before the fault: with less, the day's window would hold nothing but the fault."""
BAD: Final = 70
GOOD: Final = 100
LABELS: Final = 'environment="test", colour="blue"'
ALERTS: Final = {*(alert_name(one) for one in OBJECTIVES), *(one.alert for one in SYMPTOMS)}

HEALTHY: Final[dict[str, tuple[float, float]]] = {
    # Series -> its first value, and by how much it grows in a step; 0 for a gauge.
    'perch_first_interim_latency_seconds_bucket{le="0.3", ': (0, 100),
    "perch_first_interim_latency_seconds_count{": (0, 100),
    'perch_final_latency_seconds_bucket{le="0.8", ': (0, 100),
    "perch_final_latency_seconds_count{": (0, 100),
    'perch_sessions_ended_total{reason="stopped", ': (0, 100),
    "perch_sessions_failed_total{": (0, 0),
    'perch_sessions_started_total{dialect="a", ': (0, 100),
    "perch_sessions_turned_away_total{": (0, 0),
    "perch_sessions_active{": (20, 0),
    "perch_session_slots{": (50, 0),
    'perch_ready{instance="one", ': (1, 0),
    'perch_draining{instance="one", ': (0, 0),
    'up{job="perch-host", ': (1, 0),
    "perch_gpu_up{": (1, 0),
    'perch_gpu_memory_used_bytes{gpu="0", ': (9e9, 0),
    'perch_gpu_memory_total_bytes{gpu="0", ': (24e9, 0),
    "perch_host_disk_free_bytes{": (80e9, 0),
    'perch_certificate_expiry_timestamp_seconds{name="gateway", ': (60 * 86400, 0),
    'perch_host_secret_changed_timestamp_seconds{name="auth-tokens", ': (0, 0),
    'perch_file_not_followed{name="APP_SSL_CERT", ': (0, 0),
}


@dataclass(frozen=True)
class Fault:
    """What goes wrong: series that grow otherwise meanwhile, or gauges that have another value."""

    alert: str
    grows: dict[str, float] = field(default_factory=dict)
    stands: dict[str, float] = field(default_factory=dict)

    @property
    def calm(self) -> int:
        """Minutes before it."""
        return LONG_CALM if self.grows else 60


def of(name: str) -> str:
    [found] = [series for series in HEALTHY if series.startswith(f"{name}{{")]
    return found


FAULTS: Final = (
    Fault("PerchFirstInterimLate", {of("perch_first_interim_latency_seconds_bucket"): 10}),
    Fault("PerchFinalLate", {of("perch_final_latency_seconds_bucket"): 10}),
    Fault("PerchSessionsFailing", {of("perch_sessions_failed_total"): 9}),
    Fault("PerchSessionsTurnedAway", {of("perch_sessions_turned_away_total"): 9}),
    Fault("PerchNearlyFull", stands={of("perch_sessions_active"): 47}),
    Fault("PerchNotReady", stands={of("perch_ready"): 0}),
    Fault("PerchMetricsMissing", stands={of("up"): 0}),
    Fault("PerchGpuLost", stands={of("perch_gpu_up"): 0}),
    Fault("PerchGpuMemory", stands={of("perch_gpu_memory_used_bytes"): 23.9e9}),
    Fault("PerchDiskSpace", stands={of("perch_host_disk_free_bytes"): 12e9}),
    Fault(
        "PerchCertificateExpires",
        stands={of("perch_certificate_expiry_timestamp_seconds"): 20 * 86400},
    ),
    # The clock of these tests begins at 0.
    Fault(
        "PerchSecretAge",
        stands={of("perch_host_secret_changed_timestamp_seconds"): -366 * 86400},
    ),
    Fault("PerchFileNotFollowed", stands={of("perch_file_not_followed"): 1}),
)


def values(fault: Fault, series: str) -> str:
    """The series as promtool writes them: calm, then the fault, then calm."""
    first, grows = HEALTHY[series]
    parts, at = [], first
    for minutes, is_bad in ((fault.calm, False), (BAD, True), (GOOD, False)):
        steps = minutes // STEP
        by = fault.grows.get(series, grows) if is_bad else grows
        value = fault.stands.get(series, at) if is_bad else at
        parts.append(f"{value:.0f}+{by:.0f}x{steps - 1}")
        at += by * steps
    return " ".join(parts)


def case(fault: Fault) -> dict[str, Any]:
    def expected(minutes: int, alert: str) -> dict[str, Any]:
        return {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}

    worst = fault.calm + BAD - LOOKED_AT
    calm = [fault.calm - LOOKED_AT, fault.calm + BAD + GOOD - LOOKED_AT]
    return {
        "interval": f"{STEP}m",
        "input_series": [
            {"series": f"{series}{LABELS}}}", "values": values(fault, series)} for series in HEALTHY
        ],
        "alert_rule_test": [
            *(expected(at, alert) for alert in sorted(ALERTS) for at in calm),
            *(expected(worst, alert) for alert in sorted(ALERTS - {fault.alert})),
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
                "eval_time": f"{worst}m",
                "exp_samples": [
                    {
                        "labels": f'{{alertname="{fault.alert}", severity="{severity(fault)}"}}',
                        "value": 1,
                    }
                ],
            }
        ],
    }


def severity(fault: Fault) -> str:
    return next((one.severity for one in SYMPTOMS if one.alert == fault.alert), "page")


def run(folder: Path, cases: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{LOOKED_AT}m",
        "tests": cases,
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(document))
    return subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )


def test_every_alert_has_a_fault_that_raises_it() -> None:
    assert {fault.alert for fault in FAULTS} == ALERTS


@pytest.mark.parametrize(
    "fault",
    [
        # A day of series takes promtool seconds.
        pytest.param(fault, id=fault.alert, marks=[pytest.mark.slow] if fault.grows else [])
        for fault in FAULTS
    ],
)
def test_a_fault_raises_its_alert_alone_and_its_end_clears_it(fault: Fault, tmp_path: Path) -> None:
    done = run(tmp_path, [case(fault)])
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_its_fault_no_alert_is_raised(tmp_path: Path) -> None:
    """The test above can fail: where nothing is wrong, promtool misses the alert."""
    done = run(tmp_path, [case(Fault("PerchGpuLost"))])
    assert done.returncode != 0
    assert "PerchGpuLost" in done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
