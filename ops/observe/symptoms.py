"""Alerts on causes and limits, beside those on the objectives: data, without Prometheus.

Each has the runbook of the CloudWatch alarm on the same fault.
"""

from dataclasses import dataclass
from typing import Final, Literal

from infra.catalogue.limits import (
    CERTIFICATE_DAYS,
    DISK_FREE_GB,
    FULL_SHARE,
    GPU_MEMORY_SHARE,
    SECRET_DAYS,
)

BY: Final = "environment, colour"
"""What series are added up by: the two labels that a scrape gives to all that a machine exposes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """One alert.

    Attributes:
        alert: Its name.
        runbook: Page of runbooks/.
        severity: page: somebody gets up; ticket: somebody looks in working hours.
        expr: PromQL that has a value while it is so.
        lasts: For how long it must be so.
        meaning: One sentence for a person.
    """

    alert: str
    runbook: str
    severity: Literal["page", "ticket"]
    expr: str
    lasts: str
    meaning: str


SYMPTOMS: Final = (
    Symptom(
        alert="PerchNotReady",
        runbook="targets-unhealthy",
        severity="page",
        expr=f"max by ({BY}, instance) (perch_ready) == 0 unless perch_draining == 1",
        lasts="5m",
        meaning="A gateway in service cannot take a session.",
    ),
    Symptom(
        alert="PerchNearlyFull",
        runbook="nearly-full",
        severity="page",
        expr=f"sum by ({BY}) (perch_sessions_active) / sum by ({BY}) (perch_session_slots) "
        f"> {FULL_SHARE}",
        lasts="3m",
        meaning="More than 90 % of the session slots are taken, and new sessions will be refused.",
    ),
    Symptom(
        alert="PerchMetricsMissing",
        runbook="metrics-missing",
        severity="ticket",
        expr='up{job=~"perch-gateway|perch-host"} == 0',
        lasts="5m",
        meaning="A gateway or a machine's exporter cannot be scraped, and its alerts see nothing.",
    ),
    Symptom(
        alert="PerchGpuLost",
        runbook="gpu-lost",
        severity="page",
        expr="perch_gpu_up == 0",
        lasts="5m",
        meaning="A machine's GPU does not answer nvidia-smi, and its recogniser with it.",
    ),
    Symptom(
        alert="PerchGpuMemory",
        runbook="gpu-memory",
        severity="ticket",
        expr=f"perch_gpu_memory_used_bytes / perch_gpu_memory_total_bytes > {GPU_MEMORY_SHARE}",
        lasts="15m",
        meaning="GPU memory is nearly used up; the recogniser's next allocation may fail.",
    ),
    Symptom(
        alert="PerchDiskSpace",
        runbook="disk-space",
        severity="ticket",
        expr=f"perch_host_disk_free_bytes < {DISK_FREE_GB}e9",
        lasts="5m",
        meaning="Less than 20 GB are free on a machine's disk; a pull or a model build needs more.",
    ),
    Symptom(
        alert="PerchCertificateExpires",
        runbook="gateway-certificate",
        severity="ticket",
        expr=f"perch_certificate_expiry_timestamp_seconds - time() < {CERTIFICATE_DAYS} * 86400",
        lasts="1h",
        meaning="A certificate that a gateway uses or believes ends in less than 30 days.",
    ),
    Symptom(
        alert="PerchSecretAge",
        runbook="secret-age",
        severity="ticket",
        expr=f"time() - perch_host_secret_changed_timestamp_seconds > {SECRET_DAYS} * 86400",
        lasts="1h",
        meaning="A secret that machines have was not replaced for a year.",
    ),
    Symptom(
        alert="PerchFileNotFollowed",
        runbook="certificate-and-key-rotation",
        severity="ticket",
        expr="perch_file_not_followed == 1",
        lasts="5m",
        meaning="A certificate, key or list that was put in place makes no sense to a gateway, "
        "which goes on with the one before.",
    ),
)
