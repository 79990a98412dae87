"""The Starlette service between WebSocket clients and the recogniser.

From the ground up: `settings`, `resume_token`, `failures`, `audio`; `telemetry`, `dialects`;
`admission`, `readiness` and `switch`; `uploads`; `core`, shared by all connections; `session`, one
connection; `server`, the protocols, the routes and the process. Nothing imports from above it.
`python -m app.gateway` runs it.
"""
