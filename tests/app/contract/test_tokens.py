"""The request for a single-use token: whatever comes is one, or an error that says what is."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract import ContractError, TokenRequest, parse_token_request


def read(content: bytes) -> TokenRequest | ContractError:
    try:
        return parse_token_request(content)
    except ContractError as error:
        return error


def test_nothing_asks_for_a_minute_and_a_session() -> None:
    for content in (b"", b"{}"):
        assert parse_token_request(content) == TokenRequest(ttl=60, scopes=["stream"])


@settings(max_examples=200)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_body_is_a_request_or_one_sentence(content: bytes) -> None:
    request = read(content)
    if isinstance(request, ContractError):
        assert request.code == "bad_request"
        assert len(request.sentence) < 400
    else:
        assert 1 <= request.ttl <= 600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=4,
)
KEYS = st.sampled_from(["ttl", "scopes", "max_session_seconds", "origin"]) | st.text(max_size=5)


@settings(max_examples=200)
@given(asked=st.dictionaries(KEYS, JSON, max_size=4))
def test_any_value_of_any_key_is_taken_or_named(asked: dict[str, object]) -> None:
    request = read(json.dumps(asked).encode())
    if isinstance(request, ContractError):
        assert request.code == "bad_request"
        assert "accepted: " in request.sentence
    else:
        assert set(request.scopes) <= {"stream", "file"}
        assert request.max_session_seconds is None or request.max_session_seconds >= 1
