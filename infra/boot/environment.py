"""What the units and the gateway find in their environment."""

import hashlib
from collections.abc import Mapping
from typing import Final

from infra.boot.gateway import READY_PATH, RUN, TLS_FILE, gateway_environment
from infra.boot.programs import host_programs, program_sum
from infra.boot.settings import (
    ADMIN_PORT,
    EMF_PORT,
    EXPORTER_PORT,
    LAUNCH_HOOK,
    METRICS_NAMESPACE,
    MIN_DRIVER,
    MIN_FREE_DISK_GIB,
    MIN_GPU_MEMORY_MIB,
    PATIENCE_SECONDS,
    TERMINATION_HOOK,
    MachineSettings,
)
from infra.catalogue.models import FIRST_START_SECONDS, parse_reference
from infra.catalogue.objectives import SERIES
from infra.catalogue.regions import dns_suffix
from infra.outputs import HOST_KEY_TAG

STATE: Final = "/var/lib/perch"
"""What outlives a reboot."""
STORE: Final = f"{STATE}/store"
"""Models, and Docker's data where they are on a disk of their own: that disk is mounted here."""
_DLAMI_NVME: Final = "/opt/dlami/nvme"
"""Where the Deep Learning AMI mounts the instance's own disks (`nvme_location` in its release
notes)."""
_DOCKER_ROOTS: Final = "/var/lib/docker /var/lib/containerd"
"""Docker 29 keeps images in containerd's store unless it is told otherwise, earlier ones in its
own (Docker Engine release notes)."""
_DISK_SECONDS: Final = 60
"""How long a disk that is in use may take to be mounted by who uses it."""
EXPORTER_SECONDS: Final = 15
"""Between two samples of a machine."""
GATEWAY_SERIES: Final = " ".join(
    (
        "perch_sessions_active=ActiveSessions perch_session_slots=SessionSlots",
        "perch_certificate_expiry_timestamp_seconds=-GatewayCertificateDays",
        *(f"{one.selector}=+{one.cloudwatch}" for one in SERIES),
    )
)
"""Series of the gateway that become CloudWatch metrics: gauges, for scaling on sessions per
machine; times (-), of which the days until the first are sent; and counters (+), whose increase is
sent, for the objectives."""

HOST_KEY_FILE: Final = "/etc/ssh/ssh_host_ed25519_key.pub"
"""What cloud-init makes of sshd at the first start of an instance."""

KILL_MARGIN_SECONDS: Final = 30
"""Between the gateway's drain deadline and SIGKILL: to close sockets, flush the log."""

_SAME_MODELS: Final = frozenset({"NIM_DISABLE_MODEL_DOWNLOAD", "NIM_LOG_LEVEL"})
"""Variables of the recogniser that leave its models as they are."""
LEAVE_MARGIN_SECONDS: Final = 300
"""What load balancer and group add to two drains, with room to spare."""


def boot_environment(settings: MachineSettings) -> dict[str, str]:
    """Return the environment of every unit: where things are and how they are called."""
    return {
        "PERCH_RUN": RUN,
        "PERCH_STATE": STATE,
        "PERCH_LOGS": "/var/log/perch",
        "PERCH_STORE": STORE,
        "PERCH_CACHE": f"{STORE}/models",
        "PERCH_SNAPSHOT": settings.snapshot_id or "",
        "PERCH_INSTANCE_STORE": "yes" if settings.instance_store else "",
        "PERCH_NVME": _DLAMI_NVME,
        "PERCH_DOCKER_ROOTS": _DOCKER_ROOTS,
        "PERCH_DISK_SECONDS": str(_DISK_SECONDS),
        "PERCH_ARTEFACTS": settings.artefact_bucket,
        "PERCH_PROGRAMS": _pairs(
            {name: program_sum(text) for name, text in host_programs().items()}
        ),
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
        "PERCH_EXPORT": _export_folder(settings),
        "PERCH_RMIRS": " ".join(settings.rmirs),
        "PERCH_ASG": settings.auto_scaling_group_name,
        "PERCH_LAUNCH_HOOK": LAUNCH_HOOK,
        "PERCH_TERMINATION_HOOK": TERMINATION_HOOK,
        "PERCH_NGC_SECRET": settings.ngc_key_secret_arn or "",
        "PERCH_GATEWAY_SECRET_FILES": _pairs(
            {TLS_FILE: settings.gateway_tls_secret_arn, **settings.gateway_secret_files}
        ),
        "PERCH_GATEWAY_TLS": f"{RUN}/files/{TLS_FILE}",
        # Left out where it is off: user data has few bytes.
        **(
            {
                "PERCH_ASR_TLS": settings.recogniser_tls,
                "PERCH_ASR_SECRET": settings.recogniser_tls_secret_arn or "",
            }
            if settings.recogniser_is_asked_by_tls
            else {"PERCH_ASR_TLS": ""}
        ),
        "PERCH_GATEWAY_ARTIFACT": settings.gateway_artifact,
        "PERCH_GATEWAY_SHA256": settings.gateway_artifact_sha256 or "",
        # A container is handed them by name; a bundle's unit reads the file.
        **(
            {"PERCH_GATEWAY_VARIABLES": " ".join(gateway_environment(settings))}
            if settings.gateway_is_image
            else {}
        ),
        "PERCH_GATEWAY_SERIES": GATEWAY_SERIES,
        "PERCH_EXPORTER_HOST": _exporter_host(settings),
        "PERCH_EXPORTER_PORT": str(EXPORTER_PORT),
        "PERCH_EXPORTER_SECONDS": str(EXPORTER_SECONDS),
        "PERCH_EMF_PORT": str(EMF_PORT),
        "PERCH_METRICS_LOG_GROUP": settings.system_log_group,
        "PERCH_HOST_KEY": HOST_KEY_FILE,
        "PERCH_HOST_KEY_TAG": HOST_KEY_TAG,
        "PERCH_RECOGNITION": settings.recognition_parameter,
        "PERCH_SECRETS_VERSION": settings.secrets_version_parameter,
        "PERCH_SSM": f"https://ssm.{settings.region}.{dns_suffix(settings.region)}/",
        "PERCH_STOP_SECONDS": str(stop_seconds(settings)),
        "PERCH_LEAVE_SECONDS": str(leave_seconds(settings)),
        "PERCH_PATIENCE_SECONDS": str(PATIENCE_SECONDS),
        "PERCH_GATEWAY_PORT": str(settings.gateway_port),
        "PERCH_GATEWAY_ADMIN_PORT": str(ADMIN_PORT),
        "PERCH_GRPC_PORT": str(settings.riva_grpc_port),
        "PERCH_HTTP_PORT": str(settings.riva_http_port),
        "PERCH_READY_PATH": READY_PATH[settings.kind],
        "PERCH_READY_SECONDS": str(settings.ready_seconds),
        "PERCH_KEEP_SECONDS": str(FIRST_START_SECONDS),
        "PERCH_MIN_DRIVER": MIN_DRIVER[settings.kind],
        "PERCH_MIN_COMPUTE": settings.min_compute_capability,
        "PERCH_MIN_GPU_MIB": str(MIN_GPU_MEMORY_MIB),
        "PERCH_MIN_DISK_GIB": str(MIN_FREE_DISK_GIB),
    }


def _exporter_host(settings: MachineSettings) -> str:
    # Beyond loopback its unit lets in those ranges alone.
    return "0.0.0.0" if settings.scrape_cidrs else "127.0.0.1"  # noqa: S104 - as said


def stop_seconds(settings: MachineSettings) -> int:
    """Return how long a gateway may take from SIGTERM to its end; then it is killed."""
    return settings.drain_deadline_seconds + KILL_MARGIN_SECONDS


def leave_seconds(settings: MachineSettings) -> int:
    """Return how long a drained machine offers to leave: until its group has given it up.

    The group first waits for the load balancer, which holds connections for one drain, and only
    then begins its hook, which lasts for another.
    """
    return 2 * settings.drain_deadline_seconds + LEAVE_MARGIN_SECONDS


def cache_name(settings: MachineSettings) -> str:
    """Name of the models that an image and a selector make; on the machine the GPU's goes first.

    The registry is left out: a copy of an image elsewhere makes the same models. The image's tag is
    there for people. The digest tells apart what the readable part does not.
    """
    image = parse_reference(settings.image)
    told_apart = [
        settings.kind,
        *(part or "" for part in (image.container, image.tag, image.digest)),
        settings.tags_selector,
        *(
            f"{name}={value}"
            for name, value in sorted(settings.recogniser_environment.items())
            if name not in _SAME_MODELS
        ),
        *settings.rmirs,
    ]
    digest = hashlib.sha256("\n".join(told_apart).encode()).hexdigest()[:12]
    return f"{image.container}-{image.tag or 'by-digest'}-{digest}"


def _export_folder(settings: MachineSettings) -> str:
    """Return the folder, below that of the models, a NIM's own export lies in; empty for none.

    An export is made once and then run without a download ("Model Caching for Speech NIM
    Containers").
    """
    export = settings.recogniser_environment.get("NIM_EXPORT_PATH", "")
    return export.rpartition("/")[2] if downloads_nothing(settings) else ""


def downloads_nothing(settings: MachineSettings) -> bool:
    """Return whether the recogniser is told to take its models from its disk alone."""
    return settings.recogniser_environment.get("NIM_DISABLE_MODEL_DOWNLOAD") in {"true", "1"}


def container_file(variables: Mapping[str, str]) -> str:
    """Return the text of an environment file for `docker run --env-file`: values as they are."""
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def environment_file(variables: Mapping[str, str]) -> str:
    r"""Return the text of an environment file that systemd and a POSIX shell read alike.

    Both take text between double quotes with a backslash before each of `\`, `"`, `$` and the
    backquote.
    """
    return "".join(f'{name}="{_escaped(value)}"\n' for name, value in variables.items())


def _escaped(value: str) -> str:
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in value)


def _pairs(entries: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in entries.items())
