"""JSON objects as dialects of text take and give them."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from app.contract import ContractError, ErrorCode


def encoded(fields: Mapping[str, object]) -> str:
    """Return compact JSON."""
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def object_of(message: str | bytes) -> dict[str, Any]:
    """Parse a client's message.

    Raises:
        ContractError: `invalid_json`: it is no JSON object, or has numbers that JSON has not.
    """
    try:
        said = from_json(message, allow_inf_nan=False)
    except ValueError as error:
        raise ContractError(ErrorCode.INVALID_JSON) from error
    if not isinstance(said, dict):
        raise ContractError(ErrorCode.INVALID_JSON)
    return said
