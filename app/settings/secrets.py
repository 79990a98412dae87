"""Secrets of settings: how a text or a file of them is read, checked, and told to be wrong.

A setting holds a secret as `SecretStr`, which shows nothing when it is printed, and a file as its
path. What is wrong with one is said without repeating anything of it.
"""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr


def one_secret(content: bytes) -> str:
    """Return the secret that a file holds alone.

    Raises:
        ValueError: It holds none that a header can carry; the text repeats nothing of it.
    """
    secret = content.strip().decode("ascii", "replace")
    if not secret:
        raise ValueError("nothing stands in the file")
    if not is_of_a_header(secret):
        raise ValueError("it has characters that a header cannot carry")
    return secret


def is_of_a_header(secret: str) -> bool:
    """Say whether a header can carry a secret as one word."""
    return secret.isascii() and secret.isprintable() and " " not in secret


def split_secrets(text: str) -> tuple[str, ...]:
    """Split a list of secrets at commas and line ends."""
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())


def secrets_of_file(content: bytes, shortest: int) -> tuple[str, ...]:
    """Return the tokens or keys of a file.

    Args:
        content: Of the file.
        shortest: Fewest characters of one.

    Raises:
        ValueError: There are none, or one cannot be used; the text repeats nothing of them.
    """
    try:
        secrets = split_secrets(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    if not secrets:
        # Read as "no token is asked for", an empty file would open the door.
        raise ValueError("nothing stands in the file")
    _check(secrets, shortest)
    return secrets


def listed_secrets(listed: SecretStr, file: Path | None) -> tuple[str, ...]:
    """Return the secrets of a setting, and of the file beside it.

    Raises:
        OSError: The file cannot be read any more.
    """
    secrets = split_secrets(listed.get_secret_value())
    if file is not None:
        secrets += split_secrets(file.read_text(encoding="utf-8"))
    return secrets


def checked_list(shortest: int) -> Callable[[SecretStr], SecretStr]:
    """Return the check of a setting that lists secrets of so many characters or more."""

    def check(value: SecretStr) -> SecretStr:
        _check(split_secrets(value.get_secret_value()), shortest)
        return value

    return check


def checked_file(shortest: int) -> Callable[[Path | None], Path | None]:
    """Return the check of a setting that names a file of such secrets."""

    def check(path: Path | None) -> Path | None:
        if path is not None:
            secrets_of_file(path.read_bytes(), shortest)
        return path

    return check


def _check(secrets: tuple[str, ...], shortest: int) -> None:
    for secret in secrets:
        if len(secret) < shortest or not (secret.isascii() and secret.isprintable()):
            raise ValueError("one is too short or has characters a header cannot carry")
