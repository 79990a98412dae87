"""Reads the options of an address, and names all that cannot be taken at once."""

from collections.abc import Sequence
from typing import Final

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS

Pairs = Sequence[tuple[str, str]]

_FLAGS: Final = {"true": True, "false": False, "1": True, "0": False, "": False}


class Query:
    """The options of one request.

    Args:
        pairs: As given, in their order; a name may come more than once.
    """

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._problems: list[str] = []

    def texts(self, name: str) -> list[str]:
        """Return all that stands under a name, without what is empty."""
        return [value for key, value in self._pairs if key == name and value]

    def text(self, name: str) -> str | None:
        """Return the last that stands under a name; None where nothing does."""
        return next(reversed(self.texts(name)), None)

    def flag(self, name: str) -> bool:
        """Return a flag; without one false."""
        value = (self.text(name) or "").lower()
        if value not in _FLAGS:
            self.refuse(name, value, "true, false")
        return _FLAGS.get(value, False)

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Return a whole number within limits; None without one, and where it is none."""
        value = self.text(name)
        if value is None:
            return None
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1  # noqa: PLR2004 - more than any limit
        if not least <= number <= most:
            self.refuse(name, value, f"a whole number from {least} to {most}")
            return None
        return number

    def refuse(self, name: str, value: object, accepted: str) -> None:
        """Note that an option cannot be taken."""
        self._problems.append(f"{name} is {str(value)[:MAX_ECHO_CHARS]!r}; accepted: {accepted}")

    def check(self) -> None:
        """Raise ContractError (`bad_request`) with all that was refused, if anything was."""
        if self._problems:
            raise ContractError(ErrorCode.BAD_REQUEST, detail="; ".join(self._problems))
