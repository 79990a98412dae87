"""What the units and the gateway find in their environment."""

import hashlib
from collections.abc import Mapping
from typing import Final

from infra.boot.settings import ADMIN_PORT, EMF_PORT, EXPORTER_PORT, MachineSettings, image_tag
from infra.catalogue.regions import dns_suffix

RUN: Final = "/run/perch"
"""A tmpfs: secrets and the state of this boot."""
STATE: Final = "/var/lib/perch"
"""What outlives a reboot."""
IMAGE_UPLOAD_DIR: Final = "/var/tmp"  # noqa: S108 - a volume of the container's own
"""On the disk; the container's /tmp is memory. Without a container /tmp is the service's own."""

RECOGNITION_FILE: Final = f"{RUN}/recognition/word"
"""What the switch says. In a folder of its own: a file that is put in another's place is seen in a
container only through a mount of its folder."""

ASR_CONTAINER: Final = "perch-asr"
GATEWAY_GAUGES: Final = "perch_sessions_active=ActiveSessions perch_session_slots=SessionSlots"
"""Gauges of the gateway that become CloudWatch metrics, for scaling on sessions per machine."""

KILL_MARGIN_SECONDS: Final = 30
"""Between the gateway's drain deadline and SIGKILL: to close sockets, flush the log."""

_READY_PATH: Final = {"nim": "/v1/health/ready", "riva": "/v2/health/ready"}


def boot_environment(settings: MachineSettings) -> dict[str, str]:
    """The environment of every unit: where things are and what they are called, nothing secret."""
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
        "PERCH_NAMESPACE": settings.metrics_namespace,
        "PERCH_KIND": settings.kind,
        "PERCH_IMAGE": settings.image,
        "PERCH_SELECTOR": settings.tags_selector,
        "PERCH_CACHE_BUCKET": settings.model_cache_bucket,
        "PERCH_CACHE_NAME": cache_name(settings),
        "PERCH_BOOT_LOG_BUCKET": settings.boot_log_bucket or settings.model_cache_bucket,
        "PERCH_ASG": settings.auto_scaling_group_name,
        "PERCH_LAUNCH_HOOK": settings.launch_hook_name,
        "PERCH_TERMINATION_HOOK": settings.termination_hook_name,
        "PERCH_NGC_SECRET": settings.ngc_key_secret_arn or "",
        "PERCH_GATEWAY_SECRETS": _pairs(settings.gateway_secrets),
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
        "PERCH_READY_PATH": _READY_PATH[settings.kind],
        "PERCH_READY_SECONDS": str(settings.ready_deadline_seconds),
        "PERCH_MIN_DRIVER": settings.driver_floor,
        "PERCH_MIN_COMPUTE": settings.min_compute_capability,
        "PERCH_MIN_GPU_MIB": str(settings.min_gpu_memory_mib),
        "PERCH_MIN_DISK_GIB": str(settings.min_free_disk_gib),
    }


def gateway_environment(settings: MachineSettings) -> dict[str, str]:
    """The gateway's environment: what the stack gives, and where it meets the recogniser.

    In a container the recogniser is a neighbour on a Docker network, where its ports are the
    container's own; without one it is on loopback. In a container the administrative listener is
    published to the host's loopback alone.
    """
    return {
        **({"APP_UPLOAD_DIR": IMAGE_UPLOAD_DIR} if settings.gateway_is_image else {}),
        **settings.gateway_environment,
        "APP_HOST": "0.0.0.0",  # noqa: S104 - the security group lets only the load balancer in
        "APP_PORT": str(settings.gateway_port),
        "APP_ADMIN_HOST": "0.0.0.0" if settings.gateway_is_image else "127.0.0.1",  # noqa: S104 - as said
        "APP_ADMIN_PORT": str(ADMIN_PORT),
        "APP_RECOGNITION_FILE": RECOGNITION_FILE,
        "APP_DRAIN_TIMEOUT_S": str(settings.drain_deadline_seconds),
        "RIVA_HOST": ASR_CONTAINER if settings.gateway_is_image else "127.0.0.1",
        "RIVA_PORT": str(settings.riva_grpc_port),
        "RIVA_HTTP_PORT": str(settings.riva_http_port),
        "RIVA_HTTP_READY_PATH": _READY_PATH[settings.kind],
    }


def stop_seconds(settings: MachineSettings) -> int:
    """How long a gateway may take from SIGTERM to its end; then it is killed."""
    return settings.drain_deadline_seconds + KILL_MARGIN_SECONDS


def cache_name(settings: MachineSettings) -> str:
    """Name of the models that an image and a selector make; on the machine the GPU's goes first.

    The image's tag is there for people. The digest tells apart what the readable part does not.
    """
    told_apart = f"{settings.kind}\n{settings.image}\n{settings.tags_selector}"
    digest = hashlib.sha256(told_apart.encode()).hexdigest()[:12]
    repository = settings.image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]
    return f"{repository}-{image_tag(settings.image) or 'by-digest'}-{digest}"


def environment_file(variables: Mapping[str, str]) -> str:
    r"""Text of an environment file that systemd and a POSIX shell read alike.

    Both take text between double quotes with a backslash before each of `\`, `"`, `$` and the
    backquote.
    """
    return "".join(f'{name}="{_escaped(value)}"\n' for name, value in variables.items())


def _escaped(value: str) -> str:
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in value)


def _pairs(entries: Mapping[str, str]) -> str:
    return " ".join(f"{name}={arn}" for name, arn in entries.items())
