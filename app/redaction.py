"""Masks secrets: in every event of a log, and in what is gathered to diagnose a machine."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from app.secret_shapes import MASK, SECRET_NAME, spellings, without_shapes

_SECRET_KEY: Final = re.compile(SECRET_NAME, re.IGNORECASE)
_NAMES_ONE: Final = "_id"
"""What a secret is called is none: a log says which token was refused."""
_MIN_SECRET_CHARS: Final = 6
"""Shorter configured values are not searched for: they would blank out ordinary words."""


class Redactor:
    """A log processor that masks secrets wherever they stand in an event.

    Args:
        secrets: Configured secret values; also masked inside longer texts.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self._secrets: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask further values too; those that were known stay secret."""
        long_enough = {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS}
        self._known |= {spelling for secret in long_enough for spelling in spellings(secret)}
        if self._known:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._secrets = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event with its secrets masked."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Mask the secrets in a text: those that are known, and what looks like one."""
        return without_shapes(self._secrets.sub(MASK, text) if self._secrets else text)

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if _SECRET_KEY.search(key) and not key.endswith(_NAMES_ONE):
            return MASK
        if isinstance(value, Mapping):
            return {
                self.text(str(name)): self._value(str(name), item) for name, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item) for item in value]
        return self.text(value if isinstance(value, str) else str(value))
