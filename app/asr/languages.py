"""Which of the languages that a recogniser lists is meant, and the error where it has none.

A recogniser takes its own tags alone, such as en-US; people say en, and browsers say en-us.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from app.asr.errors import NO_MODEL, AsrError, ErrorCode, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence

    from app.asr.events import Model

_MOST_NAMED: Final = 30
"""Languages in a sentence; the largest models of NVIDIA know 25."""

_SEVERAL: Final = frozenset({"mul", "multi"})
"""Listed by a model that hears many languages and does not say which."""


def lookup(wanted: str, listed: Sequence[str], preferred: str) -> str | None:
    """Return the listed tag that a wanted one stands for; None for none.

    The tag itself comes first, then, where it names less than what is listed (en for en-US), one
    that it covers (RFC 4647, 3.3.1), then what is left of it without its last parts (de for de-CH:
    RFC 4647, 3.4). Another region's is no match: en-US is not what en-GB stands for.

    Args:
        wanted: A BCP 47 tag.
        listed: Those there are.
        preferred: Where several are covered, this one.
    """
    by_name = {tag.lower(): tag for tag in reversed(listed)}
    asked = wanted.lower()
    if asked in by_name:
        return by_name[asked]
    covered = [tag for tag in listed if tag.lower().startswith(f"{asked}-")]
    if covered:
        return next((tag for tag in covered if tag.lower() == preferred.lower()), covered[0])
    return next((by_name[less] for less in _shortened(asked) if less in by_name), None)


def _shortened(tag: str) -> Iterator[str]:
    """Yield what is left of a tag as parts go; a single letter goes with what follows it."""
    parts = tag.split("-")
    while len(parts) > 1:
        parts.pop()
        if len(parts[-1]) > 1:
            yield "-".join(parts)


def listed_language(
    wanted: str, serving: Sequence[Model], preferred: str, elsewhere: Sequence[str] = ()
) -> str:
    """Return the language to ask for.

    That is the recogniser's own tag for what is wanted, or what is wanted where it does not say
    which languages it has.

    Args:
        wanted: A BCP 47 tag.
        serving: Models that could take the call; none where they are not known.
        preferred: Where several tags fit, this one.
        elsewhere: Languages of other groups, which are accepted too.

    Raises:
        AsrError: MODEL_UNAVAILABLE: no model has the language; names those there are.
    """
    known = languages_of(serving)
    found = lookup(wanted, known, preferred)
    if found is not None:
        return found
    says_all = all(model.language for model in serving) and _SEVERAL.isdisjoint(known)
    if known and says_all:
        raise _no_language(wanted, (*known, *elsewhere))
    return wanted


@asynccontextmanager
async def language_named(
    language: str, ask: Callable[[], Awaitable[Iterable[Model]]], elsewhere: Sequence[str] = ()
) -> AsyncIterator[None]:
    """Names the language where the recogniser refuses a request in the block for it.

    Args:
        language: what is asked for.
        ask: what the recogniser lists; where it cannot be asked, only the language is named.
        elsewhere: languages of other groups, named beside those.

    Raises:
        AsrError: any of the block's, with the same code and fault.
    """
    try:
        yield
    except AsrError as error:
        if error.code != ErrorCode.MODEL_UNAVAILABLE or error.message != NO_MODEL:
            raise
        known = await _known(ask)
        named = _no_language(language, (*known, *elsewhere) if known else (), error.detail)
        named.lost = error.lost
        raise named from error


async def _known(ask: Callable[[], Awaitable[Iterable[Model]]]) -> tuple[str, ...]:
    try:
        return languages_of(await ask())
    except AsrError:
        return ()


def languages_of(models: Iterable[Model]) -> tuple[str, ...]:
    """Return the languages that models list; one may list several, joined by commas."""
    return tuple(dict.fromkeys(language for model in models for language in model.languages))


def _no_language(language: str, known: tuple[str, ...], detail: str | None = None) -> AsrError:
    return AsrError(
        ErrorCode.MODEL_UNAVAILABLE,
        f"The recogniser has no model for the language {language} and this kind of request; "
        f"{_offer(language, known)}.",
        retryable=False,
        fault=Fault.CALLER,
        detail=detail,
    )


def _offer(language: str, known: tuple[str, ...]) -> str:
    if not known:
        return "it does not say which languages it has"
    more = len(known) - _MOST_NAMED
    listed = ", ".join(sorted(known)[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    # It has the language, and not for this kind of request.
    return f"it lists {listed}" if language in known else f"accepted: {listed}"
