"""The minimum rate of uploads: a slow client must not hold a slot for as long as it likes."""

from typing import Final

PATIENCE_S: Final = 10.0
"""How far behind the minimum rate an upload may fall: what a handover
of a mobile connection takes, or a client whose machine is busy."""


class MinimumRate:
    """The time an upload may still fall behind the minimum rate.

    It shrinks while nothing arrives and grows with each byte, as the rate says. The time the
    gateway itself takes does not count.

    Args:
        rate: Bytes a second; 0 asks for none.
        patience: Seconds it may be behind.
    """

    def __init__(self, rate: float, patience: float) -> None:
        self.rate = rate
        self.patience = patience
        self._left = patience

    @property
    def seconds_left(self) -> float | None:
        """Seconds to wait for the next bytes; None where there is no minimum rate."""
        return self._left if self.rate else None

    def came(self, size: int, after: float) -> None:
        """Note that so many bytes arrived after so many seconds of waiting."""
        if self.rate:
            self._left = min(self.patience, self._left - after + size / self.rate)
