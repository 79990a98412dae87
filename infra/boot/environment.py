"""What the units and the gateway find in their environment."""

import hashlib
from collections.abc import Mapping
from typing import Final

from infra.boot.gateway import READY_PATH, RUN, gateway_environment
from infra.boot.settings import (
    ADMIN_PORT,
    EMF_PORT,
    EXPORTER_PORT,
    LAUNCH_HOOK,
    METRICS_NAMESPACE,
    MIN_DRIVER,
    MIN_FREE_DISK_GIB,
    MIN_GPU_MEMORY_MIB,
    READY_SECONDS,
    TERMINATION_HOOK,
    MachineSettings,
)
from infra.catalogue.models import parse_reference
from infra.catalogue.regions import dns_suffix

STATE: Final = "/var/lib/perch"
"""What outlives a reboot."""
GATEWAY_GAUGES: Final = "perch_sessions_active=ActiveSessions perch_session_slots=SessionSlots"
"""Gauges of the gateway that become CloudWatch metrics, for scaling on sessions per machine."""

KILL_MARGIN_SECONDS: Final = 30
"""Between the gateway's drain deadline and SIGKILL: to close sockets, flush the log."""


def boot_environment(settings: MachineSettings) -> dict[str, str]:
    """Return the environment of every unit: where things are and how they are called."""
    return {
        "PERCH_RUN": RUN,
        "PERCH_STATE": STATE,
        "PERCH_LOGS": "/var/log/perch",
        "PERCH_CACHE": f"{STATE}/models",
        "PERCH_RELEASES": "/opt/perch",
        "PERCH_IMDS": "http://169.254.169.254/latest",
        "PERCH_POLL_SECONDS": "5",
        "PERCH_REGION": settings.region,
        "PERCH_ENVIRONMENT": settings.environment,
        "PERCH_COLOUR": settings.colour,
        "PERCH_NAMESPACE": METRICS_NAMESPACE,
        "PERCH_KIND": settings.kind,
        "PERCH_IMAGE": settings.image,
        "PERCH_SELECTOR": settings.tags_selector,
        "PERCH_CACHE_BUCKET": settings.model_cache_bucket,
        "PERCH_CACHE_NAME": cache_name(settings),
        "PERCH_ASG": settings.auto_scaling_group_name,
        "PERCH_LAUNCH_HOOK": LAUNCH_HOOK,
        "PERCH_TERMINATION_HOOK": TERMINATION_HOOK,
        "PERCH_NGC_SECRET": settings.ngc_key_secret_arn or "",
        "PERCH_GATEWAY_SECRET_FILES": _pairs(settings.gateway_secret_files),
        "PERCH_GATEWAY_ARTIFACT": settings.gateway_artifact,
        "PERCH_GATEWAY_SHA256": settings.gateway_artifact_sha256 or "",
        "PERCH_GATEWAY_VARIABLES": " ".join(gateway_environment(settings)),
        "PERCH_GATEWAY_GAUGES": GATEWAY_GAUGES,
        "PERCH_EXPORTER_PORT": str(EXPORTER_PORT),
        "PERCH_EXPORTER_SECONDS": "15",
        "PERCH_EMF_PORT": str(EMF_PORT),
        "PERCH_METRICS_LOG_GROUP": settings.system_log_group,
        "PERCH_RECOGNITION": settings.recognition_parameter,
        "PERCH_SSM": f"https://ssm.{settings.region}.{dns_suffix(settings.region)}/",
        "PERCH_STOP_SECONDS": str(stop_seconds(settings)),
        "PERCH_GATEWAY_PORT": str(settings.gateway_port),
        "PERCH_GATEWAY_ADMIN_PORT": str(ADMIN_PORT),
        "PERCH_GRPC_PORT": str(settings.riva_grpc_port),
        "PERCH_HTTP_PORT": str(settings.riva_http_port),
        "PERCH_READY_PATH": READY_PATH[settings.kind],
        "PERCH_READY_SECONDS": str(READY_SECONDS),
        "PERCH_MIN_DRIVER": MIN_DRIVER[settings.kind],
        "PERCH_MIN_COMPUTE": settings.min_compute_capability,
        "PERCH_MIN_GPU_MIB": str(MIN_GPU_MEMORY_MIB),
        "PERCH_MIN_DISK_GIB": str(MIN_FREE_DISK_GIB),
    }


def stop_seconds(settings: MachineSettings) -> int:
    """Return how long a gateway may take from SIGTERM to its end; then it is killed."""
    return settings.drain_deadline_seconds + KILL_MARGIN_SECONDS


def cache_name(settings: MachineSettings) -> str:
    """Name of the models that an image and a selector make; on the machine the GPU's goes first.

    The image's tag is there for people. The digest tells apart what the readable part does not.
    """
    told_apart = f"{settings.kind}\n{settings.image}\n{settings.tags_selector}"
    digest = hashlib.sha256(told_apart.encode()).hexdigest()[:12]
    image = parse_reference(settings.image)
    return f"{image.container}-{image.tag or 'by-digest'}-{digest}"


def environment_file(variables: Mapping[str, str]) -> str:
    r"""Return the text of an environment file that systemd and a POSIX shell read alike.

    Both take text between double quotes with a backslash before each of `\`, `"`, `$` and the
    backquote.
    """
    return "".join(f'{name}="{_escaped(value)}"\n' for name, value in variables.items())


def _escaped(value: str) -> str:
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in value)


def _pairs(entries: Mapping[str, str]) -> str:
    return " ".join(f"{name}={arn}" for name, arn in entries.items())
