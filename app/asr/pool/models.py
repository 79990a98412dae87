"""List the models a recogniser serves, and check whether one that is wanted is among them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from app.asr.errors import AsrError, ErrorCode, Fault, late
from app.asr.wire.results import models

if TYPE_CHECKING:
    from app.asr.events import Model
    from app.asr.wire.transport import Transport

# A server's models change when it restarts, which takes longer than this.
FRESH_S = 60.0
# Callers who miss something in the list have it asked for again no sooner than this.
_RENEWED_S = 1.0
_MOST_NAMED = 20  # models in an error's sentence


class ModelCatalogue:
    """The models a server lists: listed when needed and remembered for `FRESH_S` seconds.

    Args:
        transport: to the server.
        timeout: deadline in seconds.
    """

    def __init__(self, transport: Transport, *, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._models: tuple[Model, ...] = ()
        self._listed_at: float | None = None
        self._listing = asyncio.Lock()

    @property
    def known(self) -> tuple[Model, ...]:
        """What the server listed when it was last asked."""
        return self._models

    async def refresh(self) -> tuple[Model, ...]:
        """List the models now.

        Raises:
            AsrError: the call failed.
        """
        response = await self._transport.list_models(within=self._timeout)
        self._models = models(response)
        self._listed_at = time.monotonic()
        return self._models

    async def renew(self) -> tuple[Model, ...]:
        """Return what the server lists now, or did a moment ago.

        Raises:
            AsrError: the call failed.
        """
        return await self._listed(_RENEWED_S)

    async def _listed(self, fresh_s: float = FRESH_S) -> tuple[Model, ...]:
        # One deadline for the lock and the call: behind a server that is silent each caller would
        # else wait for all before it.
        try:
            async with asyncio.timeout(self._timeout), self._listing:
                if self._listed_at is None or time.monotonic() - self._listed_at > fresh_s:
                    await self.refresh()
                return self._models
        except TimeoutError:
            raise late("list models", self._timeout) from None

    async def serves(self, name: str, *, streaming: bool) -> bool:
        """Return whether a model fits, by the rules of `fitting`."""
        return bool(fitting(await self._listed(), name, streaming=streaming))

    async def check(self, name: str, *, streaming: bool) -> None:
        """Refuse a model that is not listed; an empty name is the server's choice.

        Raises:
            AsrError: MODEL_UNAVAILABLE, naming what is listed; or the call failed.
        """
        if not name:
            return
        if fitting(await self._listed(), name, streaming=streaming):
            return
        # The list may be from before a restart with another model.
        listed = await self.refresh()
        if not fitting(listed, name, streaming=streaming):
            raise unavailable(name, listed, streaming=streaming)


def serving(listed: tuple[Model, ...], name: str, *, streaming: bool) -> tuple[Model, ...]:
    """Return the models as `fitting` does, of a list that may be unknown, and then is empty.

    Raises:
        AsrError: MODEL_UNAVAILABLE: the name is not listed; says which are.
    """
    found = fitting(listed, name, streaming=streaming)
    if listed and name and not found:
        raise unavailable(name, listed, streaming=streaming)
    return found


def fitting(listed: tuple[Model, ...], name: str, *, streaming: bool) -> tuple[Model, ...]:
    """Return the models of that name ("" for any) and kind; unstated counts as streaming."""
    return tuple(
        model
        for model in listed
        if name in ("", model.name) and (model.streaming is not False) == streaming
    )


def unavailable(name: str, listed: tuple[Model, ...], *, streaming: bool) -> AsrError:
    """Return the error that names the models there are."""
    found = sorted({model.name for model in fitting(listed, "", streaming=streaming)})
    names = ", ".join(found[:_MOST_NAMED])
    if len(found) > _MOST_NAMED:
        names += f" and {len(found) - _MOST_NAMED} more"
    kind = "streaming" if streaming else "offline"
    offer = f"accepted: {names}, or empty" if names else f"it lists no {kind} model"
    return AsrError(
        ErrorCode.MODEL_UNAVAILABLE,
        f"The recogniser has no {kind} model {name!r}; {offer}.",
        retryable=False,
        fault=Fault.CALLER,
    )
