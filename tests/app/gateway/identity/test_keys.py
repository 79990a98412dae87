"""Keys that rotate: read anew, kept through an outage, and asked for no more often than is fair."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.gateway.identity import keys as module
from app.gateway.identity.keys import MAX_KEYS, SOONEST_S, Keys, KeySet, KeysUnavailableError
from app.gateway.identity.sources import KeyAddress, KeyFile
from tests.support.clock import Clock
from tests.support.issuer import key_set, public_jwk, serving

ONE, TWO = ("ES256", "one"), ("ES256", "two")


class Source:
    """A key set that tests change, break and count."""

    def __init__(self, *names: tuple[str, str]) -> None:
        self.document: bytes | None = key_set(*names)
        self.read_times = 0

    async def read(self) -> bytes:
        self.read_times += 1
        await asyncio.sleep(0)
        if self.document is None:
            raise KeysUnavailableError("the issuer answered 503")
        return self.document


async def test_a_key_that_is_new_is_found_and_one_that_was_taken_away_is_not() -> None:
    source, clock = Source(ONE), Clock()
    keys = Keys(source, ["ES256"], 300, clock)
    await keys.refresh()
    source.document = key_set(ONE, TWO)
    clock.now += SOONEST_S
    assert await keys.find("two", "ES256") is not None
    source.document = key_set(TWO)
    assert await keys.find("one", "ES256") is not None  # until they are read again
    await keys.refresh()
    clock.now += 1
    assert await keys.find("one", "ES256") is None
    assert keys.age == 1


async def test_keys_that_somebody_makes_up_are_asked_for_once_in_a_while() -> None:
    source, clock = Source(ONE), Clock()
    keys = Keys(source, ["ES256"], 300, clock)
    await keys.refresh()
    for count in range(100):
        assert await keys.find(f"made up {count}", "ES256") is None
    assert source.read_times == 1
    clock.now += SOONEST_S
    found = await asyncio.gather(*(keys.find(f"made up {n}", "ES256") for n in range(100)))
    assert found == [None] * 100
    assert source.read_times <= 3


async def test_many_who_show_a_new_key_at_once_have_it_read_once() -> None:
    source, clock = Source(ONE), Clock()
    keys = Keys(source, ["ES256"], 300, clock)
    await keys.refresh()
    source.document = key_set(ONE, TWO)
    clock.now += SOONEST_S
    found = await asyncio.gather(*(keys.find("two", "ES256") for _ in range(100)))
    assert all(found)
    assert source.read_times == 2


async def test_an_issuer_that_is_away_changes_nothing_and_one_never_seen_is_told() -> None:
    source = Source(ONE)
    keys = Keys(source, ["ES256"], 300)
    assert "not read yet" in (keys.problem or "")
    document, source.document = source.document, None
    await keys.refresh()
    with pytest.raises(KeysUnavailableError, match="503"):
        await keys.find("one", "ES256")
    source.document = document
    await keys.refresh()
    source.document = None
    await keys.refresh()
    assert keys.problem is None
    assert await keys.find("one", "ES256") is not None


async def turns_until(condition: Callable[[], bool]) -> None:
    """Let the loop turn; there is no wait of the tested code in between."""
    while not condition():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0)


class Silent:
    """A source that never answers."""

    async def read(self) -> bytes:
        await asyncio.sleep(3600)
        return b""


async def test_an_issuer_that_does_not_answer_is_waited_for_no_longer_than_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "READ_S", 0.01)
    keys = Keys(Silent(), ["ES256"], 300)
    await keys.refresh()
    assert keys.problem == "no answer within 0.01 s"


async def test_keys_are_read_again_and_again_and_soon_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SOONEST_S", 0.0)
    source = Source(ONE)
    document, source.document = source.document, None
    keys = Keys(source, ["ES256"], 3600)
    await keys.refresh()
    running = asyncio.create_task(keys.run())
    async with asyncio.timeout(30):
        await turns_until(lambda: source.read_times >= 3)
        source.document = document
        await turns_until(lambda: keys.problem is None)
    read = source.read_times
    for _ in range(20):
        await asyncio.sleep(0)
    assert source.read_times == read  # the next one is due in an hour
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no key set"),
        (b'{"keys": {}}', "no key set"),
        (b'{"keys": [7]}', "no key set"),
        (b'{"keys": []}', "none of its 0 keys"),
        (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(), "101 keys"),
        (key_set(("EdDSA", "one")), "none of its 1 keys is for ES256"),
        (
            json.dumps({"keys": [public_jwk(*ONE) | {"x": "AAAA"}]}).encode(),
            "a key for ES256 is broken",
        ),
        (json.dumps({"keys": [public_jwk(*ONE) | {"x": 7}]}).encode(), "is broken"),
        (json.dumps({"keys": [public_jwk(*ONE) | {"alg": []}]}).encode(), "none of its"),
    ],
    # The keys are made anew by each process, and a test has one name in all.
    ids=(
        *("nothing", "too deep", "a list", "no list", "no objects", "no keys", "too many"),
        *("another algorithm's", "too short", "a number", "a list for a name"),
    ),
)
def test_what_is_no_key_set_is_named_without_repeating_it(document: bytes, said: str) -> None:
    with pytest.raises(KeysUnavailableError, match=said) as refused:
        KeySet(document, ["ES256"])
    assert "AAAA" not in str(refused.value)


async def test_a_file_that_is_replaced_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(ONE))
    keys = Keys(KeyFile(path), ["ES256"], 300)
    await keys.refresh()
    path.write_bytes(key_set(TWO))
    await keys.refresh()
    assert await keys.find("two", "ES256") is not None
    path.unlink()
    await keys.refresh()
    assert await keys.find("two", "ES256") is not None
    path.write_bytes(b"x" * (module.MAX_KEY_SET_BYTES + 1))
    with pytest.raises(KeysUnavailableError, match="longer than"):
        await KeyFile(path).read()


async def test_an_address_is_believed_by_its_certificate_and_no_redirect_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(key_set(ONE)) as issuer:
        with pytest.raises(KeysUnavailableError, match=r"(?i)certificate"):
            await KeyAddress(issuer.url).read()
        authority = tmp_path / "authority.pem"
        authority.write_text(issuer.authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        address = KeyAddress(issuer.url)
        assert await address.read() == key_set(ONE)
        issuer.status, issuer.headers = 302, {"Location": issuer.url}
        with pytest.raises(KeysUnavailableError, match="answered 302"):
            await address.read()
        issuer.status, issuer.document = 200, b"x" * (module.MAX_KEY_SET_BYTES + 1)
        with pytest.raises(KeysUnavailableError, match="longer than"):
            await address.read()
    with pytest.raises(KeysUnavailableError, match="cannot be asked"):
        await address.read()
