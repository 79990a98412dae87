"""The process and everything a client reaches, over HTTP or WebSocket.

`process` runs the servers; `app` is the ASGI application with the routes of `pages`, `models` and
`transcribe_file` behind `middleware`, `administration` the one for operators; `answers` renders
errors, `replies` what a dialect answers; `headers` adds what browsers are told; `protocol` bounds
connections below ASGI, on the event loop of `loop`.
"""
