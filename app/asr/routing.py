"""Which group of recognisers a call goes to: by its language, else by its model.

Decided by the settings alone, without a call: a session that is checked, admitted and opened goes
to the same group each time. What no group is named for goes to the default one, whose own list of
languages has the word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.asr.errors import invalid
from app.asr.languages import lookup
from app.asr.settings import DEFAULT_GROUP
from app.asr.wire.requests import check_language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.asr.group import RecogniserGroup
    from app.asr.wire.requests import SessionOptions


def group_for(
    groups: Mapping[str, RecogniserGroup], asked: SessionOptions, preferred: str
) -> RecogniserGroup:
    """Return the group that a call goes to.

    The one it names; else the one named for its language, by RFC 4647 as `app.asr.languages` has
    it; else, where it names no language, the one whose model it names; else the default group.

    Args:
        groups: by name.
        asked: what the caller chose.
        preferred: language to take where several fit what is wanted.

    Raises:
        AsrError: INVALID_ARGUMENT: it names a group that there is not, or what is no language.
    """
    check_language(asked.language)
    if asked.group is not None:
        if asked.group not in groups:
            raise invalid("group", asked.group, ", ".join(groups))
        return groups[asked.group]
    if asked.language is not None:
        owners = {tag: one for one in groups.values() for tag in one.languages}
        tag = lookup(asked.language, tuple(owners), preferred)
        return groups[DEFAULT_GROUP] if tag is None else owners[tag]
    if asked.model:
        found = (one for one in groups.values() if one.model == asked.model)
        return next(found, groups[DEFAULT_GROUP])
    return groups[DEFAULT_GROUP]
