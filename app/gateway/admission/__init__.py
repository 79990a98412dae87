"""Admits clients and sessions: access, identity, slots, queues and rates.

`access` checks token, origin and host, `clients` identifies the client; `slots` admits connections
and sessions by `quotas` and `waiting_room`; `succession` hands a session to its client's new
connection; `rate` is a token bucket, and `turns` begins few requests in a turn of the event loop.
"""
