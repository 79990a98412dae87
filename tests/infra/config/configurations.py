"""A configuration that is accepted, and ways to change it."""

import copy
from collections.abc import Mapping
from typing import Any, Final

IMAGE: Final = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0"

AMI: Final = "ami-0123456789abcdef0"

_COLOUR: Final = {"image": IMAGE, "selector": "mode=str", "gateway_tag": "0.1.0", "ami_id": AMI}

VALID: Final[Mapping[str, Any]] = {
    "owner": "somebody",
    "access": {"allowed_cidrs": ["203.0.113.0/24"]},
    "domain": {"name": "speech.example.com", "zone_id": "Z00000000000000EXAMPLE"},
    "blue": {**_COLOUR, "weight": 100},
    "green": {**_COLOUR, "weight": 0},
}
"""The least a stack must say."""


def valid(**changes: object) -> dict[str, Any]:
    """`VALID` with some paths changed: `blue__weight=50` sets one, REMOVED takes it away."""
    raw = copy.deepcopy(dict(VALID))
    for path, value in changes.items():
        *groups, last = path.split("__")
        place = raw
        for group in groups:
            place = place.setdefault(group, {})
        if value is REMOVED:
            del place[last]
        else:
            place[last] = value
    return raw


REMOVED: Final = object()
