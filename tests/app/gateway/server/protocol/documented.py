"""Holds errors and warnings against the contract."""

from typing import Any

from app.contract import ErrorCode, WarningCode

ERROR_CODES = {code.value for code in ErrorCode}
WARNING_CODES = {code.value for code in WarningCode}


def check_documented(message: dict[str, Any]) -> None:
    """Hold an error or a warning against the contract."""
    if message["type"] == "warning":
        assert message["code"] in WARNING_CODES
    if message["type"] != "error":
        return
    assert message["code"] in ERROR_CODES
    assert message["error"]
    assert isinstance(message["retryable"], bool)
    assert "Traceback" not in message["error"]
