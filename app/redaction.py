"""Masks secrets: in every event of a log, and in what is gathered to diagnose a machine."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final

from app.credentials.api_key import ID_PATTERN, PREFIX

MASK: Final = "********"
SECRET_NAME: Final = "token|secret|passw|api_?key|authori[sz]ation|cookie|credential|private_?key"  # noqa: S105 - a pattern
"""A pattern of names behind which secrets stand, in whatever case."""
_SECRET_KEY: Final = re.compile(SECRET_NAME, re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(r"(?i)(\btoken=|\bbearer[ .]+)[^\s&\"',;]+")
_API_KEY: Final = re.compile(rf"({PREFIX}{ID_PATTERN}_)[0-9A-Za-z]+")
"""Also one that is cut off; its id may be read."""
_SINGLE_USE: Final = re.compile(r"(\bperch-once\.)[\w.-]+", re.ASCII)
"""Tokens that gateways make (app/gateway/identity/single_use.py), wherever they stand."""
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
        self._known |= {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS}
        if self._known:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._secrets = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event with its secrets masked."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Mask the secrets in a text."""
        masked = _SECRET_TEXT.sub(rf"\1{MASK}", text)
        for own in (_API_KEY, _SINGLE_USE):
            masked = own.sub(rf"\1{MASK}", masked)
        return self._secrets.sub(MASK, masked) if self._secrets else masked

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if _SECRET_KEY.search(key):
            return MASK
        if isinstance(value, Mapping):
            return {str(name): self._value(str(name), item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item) for item in value]
        return self.text(value if isinstance(value, str) else str(value))
