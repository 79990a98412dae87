"""Every target by its name, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.fuzz.targets.forms import FORMS
from tests.fuzz.targets.frames import FRAMES
from tests.fuzz.targets.headers import HEADERS
from tests.fuzz.targets.messages import MESSAGES
from tests.fuzz.targets.recordings import RECORDINGS
from tests.fuzz.targets.requests import REQUESTS
from tests.fuzz.targets.tokens import IDENTITY, KEY_SETS, RESUME

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
        KEY_SETS,
        RESUME,
        FORMS,
        RECORDINGS,
    )
}
