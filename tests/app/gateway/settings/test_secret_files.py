"""Files of tokens and keys: what is wrong with one is said without repeating anything of it."""

import pytest

from app.gateway.settings.access import MIN_TOKEN_CHARS
from app.settings.secrets import secrets_of_file


@pytest.mark.parametrize(
    "content", [b"made-up-short", b"made-up \xc3\xa4 0123456789", b"made-up\xff0123456789"]
)
def test_what_is_wrong_with_a_secret_is_said_without_it(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"one is too short|no text") as refused:
        secrets_of_file(content, MIN_TOKEN_CHARS)
    assert "made-up" not in str(refused.value)
    # The decoder's own error has the whole content.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
