"""Why a connection ends, and the exception that unwinds everything it started."""

from dataclasses import dataclass
from typing import Final

from app.contract import CloseCode, ContractError
from app.gateway.session.socket import Disconnected


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended.

    Attributes:
        error: What to send to the client, None where nothing went wrong or it left.
        reason: For metrics and log: an error code, "stopped", "client_closed" or "disconnected".
        code: Close code; None for the one that the dialect has for the error.
        told: The protocol below has sent error and close already.
    """

    error: ContractError | None
    reason: str
    code: int | None
    told: bool = False


class ConnectionEndError(Exception):
    """Unwinds the task group."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        super().__init__(ending.reason)


AS_ASKED: Final = Ending(None, "stopped", CloseCode.NORMAL)
"""The client's stop asked for the close as well."""


def failed(error: ContractError) -> Ending:
    """Return the ending of a connection that an error ends."""
    return Ending(error, error.code.value, None)


def over(error: ContractError) -> ConnectionEndError:
    """Return what ends a connection with an error."""
    return ConnectionEndError(failed(error))


def ending_of(left: Disconnected) -> Ending:
    """Return the ending of a connection whose client is gone."""
    if left.failure is not None:
        return Ending(left.failure, left.failure.code.value, left.code, told=True)
    clean = left.code in {CloseCode.NORMAL, CloseCode.GOING_AWAY}
    return Ending(None, "client_closed" if clean else "disconnected", left.code, told=True)


def first_ending(group: BaseExceptionGroup[ConnectionEndError]) -> Ending:
    """Return why it ended, preferring what the client did not cause itself."""
    endings = [error.ending for error in _leaves(group)]
    return next((ending for ending in endings if not ending.told), endings[0])


def _leaves(group: BaseExceptionGroup[ConnectionEndError]) -> list[ConnectionEndError]:
    found: list[ConnectionEndError] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
