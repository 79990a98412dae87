"""What an access list may hold, and what is told of one that is none."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.credentials.access_list import (
    MAX_BYTES,
    AccessList,
    AccessListError,
    Limits,
    RevokedClient,
    RevokedToken,
)
from app.credentials.api_key import ApiKey
from tests.support.keys import access_list, key_entry

NOW = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def entry(**changes: object) -> dict[str, Any]:
    good = {
        "id": "0123456789",
        "owner": "ann",
        "sha256": "0" * 64,
        "scopes": ["stream"],
        "created": "2026-11-28T01:02:03Z",
        "expires": "2026-11-29T01:02:03Z",
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


def refusal(document: object) -> str:
    with pytest.raises(AccessListError) as refused:
        AccessList.parse(document if isinstance(document, bytes) else json.dumps(document))
    return str(refused.value)


def test_a_list_is_read_as_it_was_written() -> None:
    limits = Limits(sessions=2, new_per_minute=30, models=("parakeet",))
    whole = access_list(
        key_entry(ApiKey.generate(), NOW, limits=limits, replaced_by="0123456789"),
        key_entry(ApiKey.generate(), NOW, revoked=LATER),
        tokens=(RevokedToken(jti="a-token", revoked=NOW, until=LATER),),
        clients=(RevokedClient(client="app", before=NOW),),
    )
    assert AccessList.parse(whole.write()) == whole
    assert AccessList.parse(whole.write().encode()) == whole
    assert AccessList.parse(AccessList.empty().write()) == AccessList.empty()


def test_the_same_list_is_always_the_same_document() -> None:
    made = ApiKey.generate()
    documents = {
        access_list(key_entry(made, NOW, scopes=frozenset(order))).write()
        for order in (("file", "stream", "admin"), ("admin", "stream", "file"))
    }
    [document] = documents
    assert '"scopes":["admin","file","stream"]' in document


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": "012345678"}, "keys.0.id"),
        ({"id": "0123456789a"}, "keys.0.id"),
        ({"id": "012345678l"}, "keys.0.id"),
        ({"id": None}, "keys.0.id"),
        ({"owner": ""}, "keys.0.owner"),
        ({"owner": " ann"}, "keys.0.owner"),
        ({"owner": "ann\n"}, "keys.0.owner"),
        ({"owner": "a" * 129}, "keys.0.owner"),
        ({"sha256": "0" * 63}, "keys.0.sha256"),
        ({"sha256": "A" * 64}, "keys.0.sha256"),
        ({"scopes": []}, "keys.0.scopes"),
        ({"scopes": ["streams"]}, "keys.0.scopes"),
        ({"scopes": "stream"}, "keys.0.scopes"),
        ({"created": "2026-11-28T01:02:03"}, "keys.0.created"),
        ({"created": 1795828923}, "keys.0.created"),
        ({"created": "0001-01-01T00:00:00+14:00"}, "keys.0.created: Value error, in UTC"),
        ({"expires": "9999-12-31T23:59:59-14:00"}, "keys.0.expires: Value error, in UTC"),
        ({"expires": None}, "keys.0.expires"),
        ({"revoked": True}, "keys.0.revoked"),
        ({"limits": {"sessions": 0}}, "keys.0.limits.sessions"),
        ({"limits": {"sessions": 1_000_001}}, "keys.0.limits.sessions"),
        ({"limits": {"new_per_minute": 1_000_001}}, "keys.0.limits.new_per_minute"),
        ({"limits": {"models": ["a"] * 101}}, "keys.0.limits.models"),
        ({"limits": {"sessions": True}}, "keys.0.limits.sessions"),
        ({"limits": {"sessions": 1.5}}, "keys.0.limits.sessions"),
        ({"limits": {"session": 1}}, "keys.0.limits.session"),
        ({"limits": {"models": []}}, "keys.0.limits.models"),
        ({"secret": "perch"}, "keys.0.secret"),  # pragma: allowlist secret
    ],
)
def test_each_field_of_a_key_has_its_nearest_wrong_neighbour(
    changes: dict[str, object], named: str
) -> None:
    most = {"sessions": 1_000_000, "new_per_minute": 1_000_000, "models": ["a"] * 100}
    AccessList.parse(json.dumps({"format": 1, "keys": [entry(owner="a" * 128, limits=most)]}))
    assert refusal({"format": 1, "keys": [entry(**changes)]}).startswith(named)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        ({}, "format: Field required"),
        ({"format": 2}, "format"),
        ({"format": "1"}, "format"),
        ({"format": 1, "key": []}, "key: Extra inputs"),
        ({"format": 1, "keys": {}}, "keys"),
        ([], "document"),
        (
            {"format": 1, "keys": [entry(), entry(owner="ben")]},
            "document: Value error, keys has one name twice",
        ),
        (
            {
                "format": 1,
                "revoked_clients": [{"client": "a", "before": "2026-11-28T01:02:03Z"}] * 2,
            },
            "document: Value error, revoked_clients has one name twice",
        ),
        (b" " * (MAX_BYTES + 1), f"longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_list_is_told_by_its_place(document: object, told: str) -> None:
    assert told in refusal(document)


def test_a_list_that_is_none_shows_nothing_that_stands_in_it() -> None:
    text = ApiKey.generate().text
    for document in (
        {"format": 1, "keys": [entry(id=text)]},
        {"format": 1, "keys": [entry(sha256=text)]},
        {"format": text},
        {"format": 1, text: 1},
        {"format": 1, "keys": [entry(**{text: 1})]},
        [text],
        text.encode(),
    ):
        # Its id may be told, and no more than a few letters behind that.
        assert text[len("perch_0123456789_") :][:4] not in refusal(document)
    many = refusal({"format": 1, "keys": [entry(id=text), entry(id=text)] * 50})
    assert many.endswith("and 97 more")
    assert "more" not in refusal({"format": 1, "keys": [entry(id=text)] * 3})


def test_a_list_that_would_not_fit_its_secret_is_refused_when_it_is_written() -> None:
    full = access_list(*(key_entry(ApiKey.generate(), NOW) for _ in range(400)))
    with pytest.raises(AccessListError, match="65536 fit"):
        full.write()


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_a_file_holds_is_a_list_or_an_error(content: bytes) -> None:
    with pytest.raises(AccessListError):
        AccessList.parse(content)
