"""Riva's own gRPC service, spoken by the gateway: its clients change host and port, and no line.

A stream is a session like any other, with admission, replay and drain; `codec` is its dialect and
`call` the way to its client. `service` has the three methods, `health` the standard health service,
and `server` the listener.
"""
