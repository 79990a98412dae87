"""Configuration of any shape: settings come of it, or problems that name a key."""

from hypothesis import given
from hypothesis import strategies as st

from infra.config.sections import Settings
from infra.config.stack import parse
from infra.reading.reader import keys_of
from tests.infra.config.configurations import VALID, valid

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
PATHS = [path for path, _ in keys_of(Settings)]


@given(path=st.sampled_from(PATHS), value=VALUES)
def test_any_value_of_any_key_is_read_or_named(path: str, value: object) -> None:
    """Whatever stands there, the answer is settings or problems that name a key, never a crash."""
    settings, found = parse(valid(**{path.replace(".", "__"): value}))
    if not found:
        assert settings.blue.weight + settings.green.weight == 100
    for problem in found:
        assert problem.key
        assert problem.accepted
        assert len(problem.value) <= 400


@given(raw=st.dictionaries(st.sampled_from(list(VALID)) | st.text(max_size=5), VALUES, max_size=4))
def test_any_tree_at_all_is_read_or_named(raw: dict[str, object]) -> None:
    _, found = parse(raw)
    assert found or set(VALID) <= set(raw)
