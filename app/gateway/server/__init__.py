"""The process, and everything a client reaches over HTTP or WebSocket.

`process` runs the servers, `app` is the ASGI application with the routes of `pages` and
`transcribe_file`, `administration` the one for operators; `protocol` bounds connections below ASGI.
"""
