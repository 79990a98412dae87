"""A budget that all uploads share, with a share for each client: slots, bytes, seconds."""

from collections import Counter

from app.contract import ContractError, ErrorCode


class Allowance:
    """A budget that all uploads share.

    Args:
        words: The limit for people, with a place for the amount, such as "{} bytes together".
        total: What there is.
        client: What one client may have of it.
    """

    def __init__(self, words: str, *, total: int, client: int) -> None:
        self._words = words
        self._total = total
        self._client = client
        self._of_client: Counter[bytes] = Counter()

    @property
    def used(self) -> int:
        """The amount that is taken."""
        return self._of_client.total()

    def take(self, client: bytes, amount: int) -> None:
        """Take an amount for a client, until `give`.

        Raises:
            ContractError: `too_many_client_uploads` or `too_many_uploads`; nothing is taken then.
        """
        # Where one may have all of it, it is no more to blame than the others.
        if self._of_client[client] + amount > self._client < self._total:
            limit = self._words.format(self._client)
            raise ContractError(ErrorCode.TOO_MANY_CLIENT_UPLOADS, limit=limit)
        if self.used + amount > self._total:
            limit = self._words.format(self._total)
            raise ContractError(ErrorCode.TOO_MANY_UPLOADS, limit=limit)
        self._of_client[client] += amount

    def give(self, client: bytes, amount: int) -> None:
        """Return an amount."""
        self._of_client[client] -= amount
        if not self._of_client[client]:
            del self._of_client[client]
