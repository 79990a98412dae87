"""Where AWS says which machine image is current."""

from typing import Final

DLAMI_PARAMETER: Final = (
    "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
)
"""AWS's public parameter that names the newest Deep Learning base AMI (Ubuntu 24.04)."""
