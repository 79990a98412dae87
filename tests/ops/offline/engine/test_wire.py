"""Values on the wire."""

import hashlib
from pathlib import Path

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.engine import wire

_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=4))
def test_plain_values_come_back_as_they_went(values: dict[str, object]) -> None:
    assert wire.decode(wire.encode(values)) == wire.Decoded(values, frozenset())


@given(st.text(), _VALUES)
def test_a_secret_comes_back_plain_with_its_path_and_is_masked_when_shown(
    key: str, value: object
) -> None:
    decoded = wire.decode(wire.encode({key: value}, [key]))
    assert decoded.values == {key: value}
    assert decoded.secrets == {(key,)}
    assert wire.masked(decoded.values, decoded.secrets) == {key: wire.MASK}


def test_a_secret_inside_an_object_is_masked_alone() -> None:
    values = {"user": {"name": "master", "keys": ["one", "two"]}}
    shown = wire.masked(values, frozenset({("user", "keys", 1)}))
    assert shown == {"user": {"name": "master", "keys": ["one", wire.MASK]}}


def test_paths_are_written_as_pulumi_writes_them() -> None:
    assert wire.dotted(("subnetMappings", 0, "subnetId")) == "subnetMappings[0].subnetId"


def asset(signature: str, **fields: str) -> struct_pb2.Struct:
    """An asset as the SDK puts it on the wire, under the key `source`."""
    struct = struct_pb2.Struct()
    struct.get_or_create_struct("source").update({wire.SIGNATURE: signature, **fields})
    return struct


def test_a_file_that_is_uploaded_is_known_by_the_digest_of_its_content(tmp_path: Path) -> None:
    file = tmp_path / "cargo.txt"
    for content in (b"tea", b"coffee"):
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        decoded = wire.decode(asset(wire.ASSET, path=str(file)))
        assert decoded.values == {"source": {"asset": {"path": str(file), "sha256": digest}}}
        packed = wire.decode(asset(wire.ARCHIVE, path=str(file)))
        assert packed.values == {"source": {"archive": {"path": str(file), "sha256": digest}}}


@pytest.mark.parametrize("fields", [{"text": "tea"}, {"path": "/nowhere"}, {"uri": "https://a/b"}])
def test_what_is_no_file_here_is_shown_as_it_is_said(fields: dict[str, str]) -> None:
    assert wire.decode(asset(wire.ASSET, **fields)).values == {"source": {"asset": fields}}


def test_a_reference_to_a_resource_is_its_urn_and_id() -> None:
    found = wire.decode(asset(wire.RESOURCE, urn="urn:pulumi:a", id="i-1", packageVersion="7"))
    assert found.values == {"source": {"urn": "urn:pulumi:a", "id": "i-1"}}
