"""Which GPU an EC2 instance type carries, and what a recogniser needs of it.

Sources, each named by the letter in `source`:

A. AWS EC2 instance type pages and the EC2 SDK's release notes for G5, G6 and G6e, read November
   2026.
B. NVIDIA CUDA GPUs page (compute capability).
C. NVIDIA Speech NIM 26.05 support matrix for ASR: compute capability 8.0 or more and 16 GB or more
   of GPU memory; it lists A30, A100, H100, A2, A10, A16, A40, L4, L40 and the RTX cards.
D. NVIDIA Speech NIM 26.07, page "parakeet-rnnt": it names the L40S, and starts the container with
   8 GB of shared memory.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU model.

    Attributes:
        name: As `nvidia-smi` prints it, without the vendor.
        memory_gb: Memory as the vendor states it, in GB.
        compute_capability: (major, minor).
        architecture: Engines built on one architecture do not load on another, so the model cache
            is keyed by it.
        listed_as: What the support matrix calls it, which names chips and not the cards that AWS
            puts them on; None where it names none of its kind (source C).
        source: Letters of the sources above.
    """

    name: str
    memory_gb: int
    compute_capability: tuple[int, int]
    architecture: str
    listed_as: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One EC2 instance type with GPUs.

    Attributes:
        gpu: The model of every GPU in it.
        gpus: How many; a recogniser uses the first one.
        vcpus: Virtual CPUs.
        memory_gib: Main memory in GiB.
    """

    gpu: Gpu
    gpus: int
    vcpus: int
    memory_gib: int


MINIMUM_COMPUTE_CAPABILITY: Final = (8, 0)
"""Floor of the current Speech NIM (source C)."""

MINIMUM_MEMORY_GB: Final = 16
"""Floor of the current Speech NIM (source C)."""

SHARED_MEMORY_GB: Final = 8
"""Main memory that the container may take as shared memory (source D)."""

ROOMY_HOST_GIB: Final = 32
"""Main memory of a machine that leaves the recogniser, a Python process beside it and the host more
than they share. What each profile needs of it stands in a column of NVIDIA's support matrix that is
not in these tables; docs/unverified.md has the command."""

T4: Final = Gpu("T4", 16, (7, 5), "turing", None, "A, B")
A10G: Final = Gpu("A10G", 24, (8, 6), "ampere", "A10", "A, B, C")
L4: Final = Gpu("L4", 24, (8, 9), "ada", "L4", "A, B, C")
L40S: Final = Gpu("L40S", 48, (8, 9), "ada", "L40", "A, B, C, D")
A100_40: Final = Gpu("A100-SXM4-40GB", 40, (8, 0), "ampere", "A100", "A, B, C")
A100_80: Final = Gpu("A100-SXM4-80GB", 80, (8, 0), "ampere", "A100", "A, B, C")
H100: Final = Gpu("H100 80GB HBM3", 80, (9, 0), "hopper", "H100", "A, B, C")

MACHINES: Final[dict[str, Machine]] = {
    "g4dn.xlarge": Machine(T4, 1, 4, 16),
    "g4dn.2xlarge": Machine(T4, 1, 8, 32),
    "g4dn.4xlarge": Machine(T4, 1, 16, 64),
    "g4dn.8xlarge": Machine(T4, 1, 32, 128),
    "g4dn.12xlarge": Machine(T4, 4, 48, 192),
    "g5.xlarge": Machine(A10G, 1, 4, 16),
    "g5.2xlarge": Machine(A10G, 1, 8, 32),
    "g5.4xlarge": Machine(A10G, 1, 16, 64),
    "g5.8xlarge": Machine(A10G, 1, 32, 128),
    "g5.12xlarge": Machine(A10G, 4, 48, 192),
    "g5.16xlarge": Machine(A10G, 1, 64, 256),
    "g5.24xlarge": Machine(A10G, 4, 96, 384),
    "g5.48xlarge": Machine(A10G, 8, 192, 768),
    "g6.xlarge": Machine(L4, 1, 4, 16),
    "g6.2xlarge": Machine(L4, 1, 8, 32),
    "g6.4xlarge": Machine(L4, 1, 16, 64),
    "g6.8xlarge": Machine(L4, 1, 32, 128),
    "g6.12xlarge": Machine(L4, 4, 48, 192),
    "g6.16xlarge": Machine(L4, 1, 64, 256),
    "g6.24xlarge": Machine(L4, 4, 96, 384),
    "g6.48xlarge": Machine(L4, 8, 192, 768),
    "g6e.xlarge": Machine(L40S, 1, 4, 32),
    "g6e.2xlarge": Machine(L40S, 1, 8, 64),
    "g6e.4xlarge": Machine(L40S, 1, 16, 128),
    "g6e.8xlarge": Machine(L40S, 1, 32, 256),
    "g6e.12xlarge": Machine(L40S, 4, 48, 384),
    "g6e.16xlarge": Machine(L40S, 1, 64, 512),
    "g6e.24xlarge": Machine(L40S, 4, 96, 768),
    "g6e.48xlarge": Machine(L40S, 8, 192, 1536),
    "p4d.24xlarge": Machine(A100_40, 8, 96, 1152),
    "p4de.24xlarge": Machine(A100_80, 8, 96, 1152),
    "p5.4xlarge": Machine(H100, 1, 16, 256),
    "p5.48xlarge": Machine(H100, 8, 192, 2048),
}
"""The instance types Perch knows; another is refused until a row with its source stands here."""


def current(gpu: Gpu) -> bool:
    """Say whether the current Speech NIM supports this GPU (source C)."""
    return (
        gpu.compute_capability >= MINIMUM_COMPUTE_CAPABILITY and gpu.memory_gb >= MINIMUM_MEMORY_GB
    )
