"""The Starlette service between WebSocket clients and Riva."""
