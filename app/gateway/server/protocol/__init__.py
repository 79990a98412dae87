"""uvicorn's HTTP and WebSocket protocols, bounded: in connections, time, bytes and frames.

`http` and `websocket` are what the server is given. A WebSocket goes through `handshake`, is read
by `paced` in steps of `frames`, and held to memory by `holding` and `buffers`; `connections` bounds
what is no WebSocket.
"""
