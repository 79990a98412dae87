"""Which other services' clients are answered, and what their names of models stand for."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from annotated_types import MaxLen
from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from app.gateway.settings.access import comma_separated
from app.settings import Settings

_NAME: Final = re.compile(r"[^\s,=*]{1,127}\*?")
_MOST_ALIASES: Final = 100


class OtherDialect(StrEnum):
    """A dialect of another service; Perch's own are always spoken."""

    OPENAI = "openai"
    NIM = "nim"
    DEEPGRAM = "deepgram"


ALL: Final = tuple(OtherDialect)


def _dialects(value: object) -> object:
    """Parse a list of dialects, `all` or `none`.

    Raises:
        ValueError: It is empty.
    """
    if not isinstance(value, str):
        return value
    said = value.strip().lower()
    if not said:
        raise ValueError("nothing says neither all nor none")
    return {"all": ALL, "none": ()}.get(said, comma_separated(said))


def _aliases(value: object) -> object:
    """Parse `FOREIGN` and `FOREIGN=OURS` between commas; a mapping passes as it is.

    Raises:
        ValueError: One is neither, or stands there twice.
    """
    if not isinstance(value, str):
        return value
    found: dict[str, str] = {}
    for one in filter(None, (part.strip() for part in value.split(","))):
        foreign, _, own = (part.strip() for part in one.partition("="))
        if _NAME.fullmatch(foreign) is None or foreign.lower() in found:
            raise ValueError(f"{one!r} is no name, or one that stands there twice")
        found[foreign.lower()] = own
    return found


class DialectSettings(Settings):
    """What an operator may change about other services' clients."""

    app_dialects: Annotated[
        tuple[OtherDialect, ...], NoDecode, BeforeValidator(_dialects), MaxLen(len(ALL))
    ] = Field(
        ALL,
        description=f"all, none, or of {', '.join(ALL)}, separated by commas: the services whose "
        "clients are answered beside Perch's own",
    )
    app_model_aliases: Annotated[
        Mapping[str, str], NoDecode, BeforeValidator(_aliases), MaxLen(_MOST_ALIASES)
    ] = Field(
        dict.fromkeys(("whisper-*", "gpt-*", "nova*", "enhanced*", "base*", "flux-*"), ""),
        description=f"at most {_MOST_ALIASES} names of other services' models, separated by "
        "commas, such as whisper-1 or gpt-4o-*: each stands for the default model, or with =NAME "
        "behind it for that one of the recogniser's",
    )

    def speaks(self, dialect: str) -> bool:
        """Return whether a dialect is spoken: one of Perch's own always is."""
        return dialect not in ALL or dialect in self.app_dialects

    def model_for(self, foreign: str) -> str | None:
        """Return what a foreign name stands for, "" for the default model; None for nothing.

        A name that is listed as it is goes before those that end in `*`, the longest of them first.
        """
        asked = foreign.lower()
        if asked in self.app_model_aliases:
            return self.app_model_aliases[asked]
        beginnings = sorted((one for one in self.app_model_aliases if one[-1] == "*"), key=len)
        for one in reversed(beginnings):
            if asked.startswith(one[:-1]):
                return self.app_model_aliases[one]
        return None
