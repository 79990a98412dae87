"""An error about a language, with the language in it and those that could be asked for instead."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from app.asr.errors import NO_MODEL, AsrError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from app.asr.events import Model

_MOST_NAMED: Final = 30
"""Languages in a sentence; the largest models of NVIDIA know 25."""


@asynccontextmanager
async def language_named(
    language: str, ask: Callable[[], Awaitable[Iterable[Model]]]
) -> AsyncIterator[None]:
    """Names the language where the recogniser refuses a request in the block for it.

    Args:
        language: what is asked for.
        ask: what the recogniser lists; where it cannot be asked, only the language is named.

    Raises:
        AsrError: any of the block's, with the same code and fault.
    """
    try:
        yield
    except AsrError as error:
        if error.code != ErrorCode.MODEL_UNAVAILABLE or error.message != NO_MODEL:
            raise
        named = AsrError(
            error.code,
            f"The recogniser has no model for the language {language} and this kind of request; "
            f"{_offer(language, await _known(ask))}.",
            retryable=error.retryable,
            fault=error.fault,
            detail=error.detail,
        )
        named.lost = error.lost
        raise named from error


async def _known(ask: Callable[[], Awaitable[Iterable[Model]]]) -> tuple[str, ...]:
    try:
        return _languages(await ask())
    except AsrError:
        return ()


def _languages(models: Iterable[Model]) -> tuple[str, ...]:
    """What the models say of themselves; a model may list several, joined by commas."""
    named = (part.strip() for model in models for part in (model.language or "").split(","))
    return tuple(sorted({language for language in named if language}))


def _offer(language: str, known: tuple[str, ...]) -> str:
    if not known:
        return "it does not say which languages it has"
    more = len(known) - _MOST_NAMED
    listed = ", ".join(known[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    # It has the language, and not for this kind of request.
    return f"it lists {listed}" if language in known else f"accepted: {listed}"
