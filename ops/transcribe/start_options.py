"""What a person asks of a session, checked as the gateway would before it is asked."""

import json
import re
from collections.abc import Sequence

from app.contract import ContractError, Dialect, parse_client_message
from app.contract.dialect_a import StartTranscription
from ops.console.errors import ConfigurationError
from ops.console.hints import perhaps


def start_options(
    *, language: str | None, model: str | None, hotwords: Sequence[str]
) -> StartTranscription:
    """Return the start of a session.

    Args:
        language: Of `--language`.
        model: Of `--model`.
        hotwords: Of each `--hotword`.

    Raises:
        ConfigurationError: The contract does not allow one of them; names the option, what it is
            and what is accepted.
    """
    given = {"language": language, "model": model, "hotwords": list(hotwords) or None}
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        text = json.dumps({"type": "start_transcription", **asked}, ensure_ascii=False)
        text.encode()
        message = parse_client_message(Dialect.A, text)
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            f"an option holds {error.object[error.start]!a}, which is no character; "
            "accepted: text in this terminal's encoding"
        ) from None
    except ContractError as error:
        said = error.sentence.removeprefix("Invalid message: ")
        option = re.sub(r"^hotwords(\[\d+\])?", "hotword", said)
        meant = _tag(language) if said.startswith("language ") else ""
        raise ConfigurationError(f"--{option}{meant}") from None
    if not isinstance(message, StartTranscription):
        raise TypeError(f"a start was parsed as {type(message).__name__}")
    return message


def _tag(language: str | None) -> str:
    """Return which tag was perhaps meant by the name of a locale, as in en_US.UTF-8."""
    locale = language or ""
    return perhaps(locale, [locale.partition(".")[0].replace("_", "-")])
