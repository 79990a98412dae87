"""Why a connection ended, and how that unwinds everything it started."""

from dataclasses import dataclass

from app.contract import CloseCode, ContractError
from app.gateway.session.socket import Disconnected


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended.

    Attributes:
        error: What to tell the client, None when it left or was told already.
        reason: For metrics and log: an error code, "client_closed" or "disconnected".
        code: Close code.
        told: The layer below has sent error and close already.
    """

    error: ContractError | None
    reason: str
    code: int
    told: bool = False


class ConnectionEndError(Exception):
    """Unwinds the task group."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        super().__init__(ending.reason)


def over(error: ContractError) -> ConnectionEndError:
    """Return what ends a connection with an error and the close code that goes with it."""
    code = error.spec.close_code or CloseCode.INTERNAL
    return ConnectionEndError(Ending(error, error.code.value, code))


def ending_of(left: Disconnected) -> Ending:
    """Return the ending of a connection whose client is gone."""
    if left.failure is not None:
        return Ending(left.failure, left.failure.code.value, left.code, told=True)
    clean = left.code in {CloseCode.NORMAL, CloseCode.GOING_AWAY}
    return Ending(None, "client_closed" if clean else "disconnected", left.code, told=True)


def first_ending(group: BaseExceptionGroup[ConnectionEndError]) -> Ending:
    """Return why it ended; what the client did not cause itself comes first."""
    endings = [error.ending for error in _leaves(group)]
    return next((ending for ending in endings if not ending.told), endings[0])


def _leaves(group: BaseExceptionGroup[ConnectionEndError]) -> list[ConnectionEndError]:
    found: list[ConnectionEndError] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
