"""What is known about recogniser images: modes, GPU memory, start-up time, selectors.

Sources, each named by the letter in `source`:

A. NVIDIA Speech NIM documentation 26.07, page "parakeet-rnnt" (docs.nvidia.com/nim/speech/26.07.0).
B. NVIDIA Speech NIM support matrix, 26.05 to 26.10.
C. koecast's verification of RNNT 1.4.0 on a DGX Spark, one stream (third party, May 2026).
D. NVIDIA's nemotron-voice-agent blueprint: compose files and pull request 81.
E. Riva ASR NIM support matrices 1.3.x (compute capability 7.0 or more) and 1.4 to 1.8 (above 7.0,
   built from RMIR).
F. NVIDIA's deployment readiness checks: first load 10 to 30 minutes; the blueprint's health check
   allows 2400 s.

A memory figure that no source gives is None: it cannot be checked, and the operator is told so
instead of a guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.catalogue.regions import partition

MODES: Final = ("str", "str-thr", "ofl", "all")
"""Streaming for latency, streaming for throughput, offline only, everything (source B)."""

STREAMING_MODES: Final = ("str", "str-thr", "all")

SELECTOR_KEYS: Final = (
    "name",
    "mode",
    "vad",
    "diarizer",
    "type",
    "batch_size",
    "bs",
    "model_type",
    "gpu",
)
"""Keys NIM_TAGS_SELECTOR knows (sources B and D)."""

FIRST_START_SECONDS: Final = 2400
"""How long a machine without a model cache may take until it serves (source F)."""


@dataclass(frozen=True, slots=True)
class Image:
    """One recogniser container.

    Attributes:
        modes: Modes it has profiles for.
        memory_gb: GPU memory of a mode (or of a batch size, for images that go by it) before
            overhead; None where unknown.
        newest_for_turing: The newest (major, minor) tag that still runs on a T4, None where no tag
            does.
        source: Letters of the sources above.
    """

    modes: tuple[str, ...]
    memory_gb: Mapping[str, float | None]
    newest_for_turing: tuple[int, int] | None
    source: str


_UNKNOWN: Final[Mapping[str, float | None]] = dict.fromkeys(MODES)

IMAGES: Final[dict[str, Image]] = {
    "parakeet-1-1b-rnnt-multilingual": Image(
        MODES, {"str": 9.0, "str-thr": 14.75, "ofl": 25.56, "all": 50.0}, (1, 3), "A, B, C, E"
    ),
    "parakeet-1-1b-ctc-en-us": Image(MODES, _UNKNOWN, (1, 3), "B, E"),
    "parakeet-0-6b-ctc-en-us": Image(MODES, _UNKNOWN, (1, 3), "B, E"),
    "parakeet-tdt-0.6b-v2": Image(("ofl",), {"ofl": None}, (1, 0), "B, E"),
    "nemotron-asr-streaming": Image(
        ("str",),
        {"batch_size=32": 6.0, "batch_size=64": 15.0, "batch_size=512": None},
        None,
        "B, D",
    ),
}
"""Containers by id: the last part of the repository's name."""

_DEFAULT_BATCH: Final = "64"
"""What nemotron-asr-streaming takes when the selector names no batch size (source B)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference, split: registry and repository, container id, tag, digest."""

    repository: str
    container: str
    tag: str | None
    digest: str | None

    @property
    def version(self) -> tuple[int, int] | None:
        """(major, minor) of the tag, None when the tag is no version."""
        found = re.match(r"v?(\d+)\.(\d+)", self.tag or "")
        return (int(found[1]), int(found[2])) if found else None


_REFERENCE: Final = re.compile(
    r"(?P<repository>[a-z0-9][a-z0-9.\-]*(?::\d+)?(?:/[a-z0-9][a-z0-9._\-]*)+)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def parse_reference(image: str) -> Reference:
    """Split an image reference; ValueError when it is none."""
    found = _REFERENCE.fullmatch(image)
    if not found:
        raise ValueError(f"{image!r} is not registry/repository:tag")
    repository = found["repository"]
    return Reference(repository, repository.rsplit("/", 1)[1], found["tag"], found["digest"])


_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr(?:\.ecr(?:-fips)?|-ecr(?:-fips)?)\.(?P<region>[a-z0-9-]+)"
    r"\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)/(?P<name>.+)"
)
"""Repositories by their usual, FIPS and dual-stack hosts ("Making requests to Amazon ECR
registries", Amazon ECR User Guide)."""


def ecr_region(image: str) -> str | None:
    """Return the region of the ECR registry an image lies in; None for another registry."""
    found = _ECR.fullmatch(parse_reference(image).repository)
    return None if found is None else found["region"]


def ecr_repository_arns(image: str) -> list[str]:
    """Return the ARN of the ECR repository an image lies in; none for another registry."""
    found = _ECR.fullmatch(parse_reference(image).repository)
    if not found:
        return []
    region = found["region"]
    return [f"arn:{partition(region)}:ecr:{region}:{found['account']}:repository/{found['name']}"]


def parse_selector(selector: str) -> dict[str, str]:
    """Split a NIM_TAGS_SELECTOR; ValueError where a part is no key=value or a key is unknown."""
    parts: dict[str, str] = {}
    for piece in selector.split(",") if selector else []:
        name, equals, value = piece.partition("=")
        if (
            not equals
            or name not in SELECTOR_KEYS
            or name in parts
            or not re.fullmatch(r"[\w.\-]+", value)
        ):
            raise ValueError(f"{piece!r} is not one of {', '.join(SELECTOR_KEYS)} with a value")
        parts[name] = value
    return parts


def memory_needed(image: Image, selector: Mapping[str, str]) -> float | None:
    """Return the GB of GPU memory a selector's profile takes; None where no source says."""
    mode = selector.get("mode", "")
    if mode in image.memory_gb:
        return image.memory_gb[mode]
    return image.memory_gb.get(f"batch_size={selector.get('batch_size', _DEFAULT_BATCH)}")
