"""One WebSocket connection and its sessions.

`connection` reads messages and steps through the table of `states`; `slot` admits its sessions,
`recognition` and `audio_input` carry their audio to the recogniser, `results` and `heartbeat` what
comes back. `client_writer` sends in the client's dialect, `lifetime` ends the connection by its
`deadlines` and the gateway's commands, `telemetry` counts. `socket` is the WebSocket as it is seen
from here, `endings` why it ended.
"""
