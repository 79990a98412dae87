"""Durations as people type them."""

import re
from typing import Final

from ops.console.errors import ConfigurationError

WEEK_S: Final = 7 * 24 * 3600.0
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)?")
_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(option: str, text: str) -> float:
    """Return the seconds of a duration such as `90`, `90s`, `5m` or `2h`.

    Raises:
        ConfigurationError: It is none, or not above 0 and at most a week.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2] or ""] if found else 0.0
    if not 0 < seconds <= WEEK_S:
        raise ConfigurationError(
            f"{option} is {text!a}; accepted: seconds, or a number with s, m or h, above 0 and at "
            "most a week"
        )
    return seconds
