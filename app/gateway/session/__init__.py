"""One WebSocket connection and its sessions.

`session` runs a connection by the table in `states`; `recognition` and `audio_input` carry its
audio and results, `client_writer` sends, `lifetime` ends it by `deadlines`, `telemetry` counts it.
`socket` is the WebSocket as a session sees it.
"""
