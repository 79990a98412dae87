"""The keys that tokens are signed with: kept, and read again as they rotate."""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Final, Protocol

import structlog
from jwt import PyJWK, PyJWTError

from app.gateway.identity.algorithms import fits, key_for

MAX_KEYS: Final = 100
MAX_KEY_SET_BYTES: Final = 256 * 1024
SOONEST_S: Final = 10.0
"""Between two readings that unknown keys cause: who makes some up causes no more of them."""
READ_S: Final = 5.0
"""Deadline of one reading."""

_log = structlog.get_logger(__name__)


class KeysUnavailableError(Exception):
    """The keys cannot be read; the message says why and names nothing secret."""


class KeySource(Protocol):
    """Where a key set is read from."""

    async def read(self) -> bytes:
        """Return a JSON Web Key Set; raise KeysUnavailableError where there is none."""


class KeySet:
    """The keys of one JSON Web Key Set (RFC 7517) that can check a signature.

    Args:
        raw: The document.
        algorithms: What signatures may be made with. Keys for others, and for other uses, are
            left out.

    Raises:
        KeysUnavailableError: It is no key set, or no key of it can be used.
    """

    def __init__(self, raw: bytes, algorithms: Iterable[str]) -> None:
        self._keys: dict[str, dict[str | None, PyJWK]] = {}
        keys = _keys_of(raw)
        for algorithm in algorithms:
            found = self._keys.setdefault(algorithm, {})
            for jwk in keys:
                if fits(algorithm, jwk):
                    kid = jwk.get("kid")
                    found[kid if isinstance(kid, str) else None] = _key(algorithm, jwk)
        if not any(self._keys.values()):
            raise KeysUnavailableError(
                f"none of its {len(keys)} keys is for {', '.join(self._keys)}"
            )

    def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return the key of a name, or the only one where a token names none."""
        keys = self._keys.get(algorithm, {})
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        return keys.get(kid)


class Keys:
    """Keeps the keys of a source.

    What was read last holds while the source cannot be read, as in an outage of the issuer.

    Args:
        source: Where they are read from.
        algorithms: What signatures may be made with.
        interval: Seconds between two readings.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        source: KeySource,
        algorithms: Iterable[str],
        interval: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._source = source
        self._algorithms = tuple(algorithms)
        self._interval = interval
        self._clock = clock
        self._set: KeySet | None = None
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._problem: str | None = None
        self._reading = asyncio.Lock()

    @property
    def problem(self) -> str | None:
        """Why there are no keys; None where there are some."""
        return None if self._set is not None else self._problem or "they were not read yet"

    @property
    def age(self) -> float | None:
        """Seconds since the keys were read; None where they never were."""
        return None if self._read_at is None else self._clock() - self._read_at

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """Return a key; one that is not known may be new, so the source is asked once more.

        Raises:
            KeysUnavailableError: There are no keys at all.
        """
        found = self._known(kid, algorithm)
        if found is None and (self._reading.locked() or self._may_ask()):
            await self.refresh(
                unless=lambda: self._known(kid, algorithm) is not None or not self._may_ask()
            )
            found = self._known(kid, algorithm)
        if self._set is None:
            raise KeysUnavailableError(self.problem)
        return found

    async def refresh(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Read the source; one that cannot be read changes nothing and is logged once.

        Args:
            unless: Asked once nobody else reads: whether that is enough.
        """
        async with self._reading:
            if unless():
                return
            self._tried_at = self._clock()
            try:
                async with asyncio.timeout(READ_S):
                    made = KeySet(await self._source.read(), self._algorithms)
            except TimeoutError:
                self._note(f"no answer within {READ_S:g} s")
            except KeysUnavailableError as error:
                self._note(str(error))
            else:
                self.take(made)

    def take(self, keys: KeySet) -> None:
        """Use a key set that somebody else has read from the source."""
        self._set, self._read_at, self._problem = keys, self._clock(), None

    async def run(self) -> None:
        """Read the source at intervals, for ever."""
        while True:
            await asyncio.sleep(self._interval if self._problem is None else SOONEST_S)
            await self.refresh()

    def _known(self, kid: str | None, algorithm: str) -> PyJWK | None:
        return None if self._set is None else self._set.find(kid, algorithm)

    def _may_ask(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= SOONEST_S

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            _log.error("token keys not read", problem=problem, kept=self._set is not None)
        self._problem = problem


def _keys_of(raw: bytes) -> list[Mapping[str, object]]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise KeysUnavailableError("it is no JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise KeysUnavailableError('it is no key set: an object with a list "keys"')
    if len(keys) > MAX_KEYS:
        raise KeysUnavailableError(f"it has {len(keys)} keys; accepted: {MAX_KEYS} at most")
    return keys


def _key(algorithm: str, jwk: Mapping[str, object]) -> PyJWK:
    try:
        return key_for(algorithm, jwk)
    except (PyJWTError, ValueError, TypeError) as error:
        # Its text may hold a part of a key.
        raise KeysUnavailableError(
            f"a key for {algorithm} is broken ({type(error).__name__})"
        ) from None
