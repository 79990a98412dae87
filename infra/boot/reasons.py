"""Why a boot ends: every reason a machine gives, for alarms, dashboards and runbooks."""

from collections.abc import Mapping
from typing import Final

FAILURE_METRIC: Final = "BootFailures"
"""Count in the settings' namespace, by Environment and Colour, and by both and Reason."""

FAILURE_REASONS: Final[Mapping[str, str]] = {
    "docker_unusable": "Docker does not answer or refuses a network.",
    "driver_mismatch": "Kernel module and library of the NVIDIA driver have different versions.",
    "driver_missing": "The AMI has no NVIDIA driver, or it is not loaded.",
    "driver_too_old": "The driver is older than the recogniser needs.",
    "disk_full": "The disk cannot hold the image or the models.",
    "gateway_corrupt": "The gateway's bundle does not have the SHA-256 the stack names.",
    "gateway_install_failed": "The gateway's wheels could not be installed.",
    "gateway_missing": "The gateway's bundle could not be fetched.",
    "gpu_absent": "The machine has no GPU 0.",
    "gpu_too_old": "The GPU's compute capability is below the floor.",
    "gpu_too_small": "The GPU has too little memory.",
    "gpu_unreadable": "nvidia-smi failed or gave no usable answer.",
    "image_missing": "The registry has no such image or tag.",
    "image_pull_failed": "The image could not be pulled for a reason that may pass.",
    "image_unauthorised": "The registry refused the credentials or the image.",
    "lifecycle_refused": "The launch hook could not be completed.",
    "metadata_unreachable": "The instance metadata service does not answer.",
    "models_corrupt": "A classic Riva server's prepared models are not whole.",
    "models_missing": "There are no models for this GPU, and nothing to make them from.",
    "models_unbuilt": "The recogniser could not make its models: an export or a deployment.",
    "models_unreachable": "A classic Riva server's prepared models cannot be read.",
    "not_ready": "The gateway was not ready by the deadline.",
    "recogniser_in_clear": "The recogniser was told to speak TLS, and answers in clear.",
    "runtime_missing": "Docker has no nvidia runtime.",
    "secret_denied": "The instance role may not read a secret.",  # pragma: allowlist secret
    "secret_missing": "A secret does not exist or holds no text.",  # pragma: allowlist secret
    "secret_unreachable": "Secrets Manager could not be reached.",  # pragma: allowlist secret
    # pragma: allowlist nextline secret
    "secret_unusable": "A secret is not one word of the letters an environment file keeps.",
    "unit_failed": "A unit failed without a reason of its own; the log tail says more.",
}
"""Reason -> what happened. A reason is a metric's dimension, so the set is closed."""
