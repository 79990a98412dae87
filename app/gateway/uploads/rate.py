"""Who sends an upload too slowly is told so, instead of holding a place for as long as it likes."""

from typing import Final

PATIENCE_S: Final = 10.0
"""How far behind the least rate an upload may fall: what a handover
of a mobile connection takes, or a client whose machine is busy."""


class MinimumRate:
    """The patience that is left with an upload.

    It runs out while nothing comes and comes back with each byte, as the rate says. The time the
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
        """Seconds to wait for the next bytes; None where there is no least rate."""
        return self._left if self.rate else None

    def came(self, size: int, after: float) -> None:
        """So many bytes came after so many seconds of waiting for them."""
        if self.rate:
            self._left = min(self.patience, self._left - after + size / self.rate)
