"""Where key sets are read from: a file, or an address of the issuer."""

import asyncio
import ssl
from pathlib import Path

import httpx

from app.gateway.identity.keys import MAX_KEY_SET_BYTES, KeysUnavailableError


class KeyFile:
    """A file with a key set.

    Args:
        path: Of the file. It is read anew each time, so one that is replaced is followed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> bytes:
        """Return the file's content.

        Raises:
            KeysUnavailableError: It cannot be read, or is too long.
        """
        return await asyncio.to_thread(read_file, self._path)


class KeyAddress:
    """An address of the issuer that has a key set.

    Args:
        url: With https. Redirects are not followed: the configured address alone is believed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # The machine's own store: an issuer inside a company has a certificate of its authority.
        self._trust = ssl.create_default_context()

    async def read(self) -> bytes:
        """Fetch the key set.

        Raises:
            KeysUnavailableError: It cannot be fetched, or is too long.
        """
        try:
            async with (
                httpx.AsyncClient(verify=self._trust, follow_redirects=False) as client,
                client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise KeysUnavailableError(f"the issuer answered {answer.status_code}")
                return await _at_most(answer, MAX_KEY_SET_BYTES)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise KeysUnavailableError(f"the issuer cannot be asked ({reason})") from None


def read_file(path: Path) -> bytes:
    """Return a key set's text.

    Raises:
        KeysUnavailableError: It cannot be read, or is too long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_SET_BYTES + 1)
    except OSError as error:
        raise KeysUnavailableError(f"the file cannot be read ({error.strerror})") from None
    if len(content) > MAX_KEY_SET_BYTES:
        raise KeysUnavailableError(_TOO_LONG)
    return content


async def _at_most(answer: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > limit:
            raise KeysUnavailableError(_TOO_LONG)
    return bytes(content)


_TOO_LONG = f"it is longer than {MAX_KEY_SET_BYTES} bytes"
