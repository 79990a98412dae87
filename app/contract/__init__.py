"""The WebSocket contract: every message, error code and close code, defined once."""
