"""What RIVA_ENDPOINTS may hold: which recognisers an entry names, and which entries are none."""

from __future__ import annotations

import pytest

from app.asr.addresses import Address, parse_addresses


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("host:1", Address(host="host", port=1)),
        ("host:65535/65535", Address(host="host", port=65_535, http_port=65_535)),
        ("host:50051/0", Address(host="host", port=50_051, http_port=0)),
        ("dns:host:50051/1", Address(host="host", port=50_051, http_port=1, is_group=True)),
        ("[::1]:50051", Address(host="::1", port=50_051)),
    ],
)
def test_an_entry_names_a_recogniser_or_all_behind_a_name(entry: str, address: Address) -> None:
    assert parse_addresses(entry) == (address,)


def test_entries_stand_between_commas_and_empty_ones_are_none() -> None:
    assert parse_addresses(" a:1, ,b:2,") == (Address(host="a", port=1), Address(host="b", port=2))
    assert parse_addresses(" , ") == ()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        *[
            (entry, "accepted: 1 to 65535, and 0 to 65535 for HTTP")
            for entry in ("host:0", "host:65536", "host:0/80", "host:65536/80", "host:1/65536")
        ],
        *[
            (entry, "is not of the form")
            for entry in ("host", "host:", "host:1/", "host:123456", "dns:[::1]:1", "http://host:1")
        ],
        *[(entry, "stands there twice") for entry in ("a:1,a:1", "a:1,b:1,a:1/80", "a:1,dns:a:1")],
    ],
)
def test_what_names_none_is_refused(entry: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_addresses(entry)
