"""How long a key set may be, to the byte: wherever it lies."""

from pathlib import Path

import pytest

from app.gateway.identity.keys import KeysUnavailableError
from app.gateway.identity.sources import KeyFile
from tests.support.issuer import key_set

MOST_BYTES = 256 * 1024


async def test_a_file_of_the_most_bytes_is_read_and_one_more_is_refused(tmp_path: Path) -> None:
    document = key_set(("ES256", "one"))
    path = tmp_path / "keys.json"
    path.write_bytes(document.ljust(MOST_BYTES))
    assert len(await KeyFile(path).read()) == MOST_BYTES
    path.write_bytes(document.ljust(MOST_BYTES + 1))
    with pytest.raises(KeysUnavailableError, match=r"262144"):
        await KeyFile(path).read()
