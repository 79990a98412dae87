"""Every target by its name, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fuzz.targets.credentials import (
    ACCESS_LISTS,
    API_KEYS,
    SINGLE_USE,
    TOKEN_REQUESTS,
)
from tests.fuzz.targets.forms import FORMS
from tests.fuzz.targets.frames import FRAMES
from tests.fuzz.targets.headers import HEADERS
from tests.fuzz.targets.messages import MESSAGES
from tests.fuzz.targets.recordings import RECORDINGS
from tests.fuzz.targets.requests import REQUESTS
from tests.fuzz.targets.tokens import IDENTITY, JWT_HEADERS, KEY_SETS, RESUME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fuzz.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    one.name: one
    for one in (
        FRAMES,
        REQUESTS,
        HEADERS,
        MESSAGES,
        IDENTITY,
        JWT_HEADERS,
        KEY_SETS,
        API_KEYS,
        ACCESS_LISTS,
        SINGLE_USE,
        TOKEN_REQUESTS,
        RESUME,
        FORMS,
        RECORDINGS,
    )
}
