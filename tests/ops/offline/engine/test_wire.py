"""Values on the wire."""

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
