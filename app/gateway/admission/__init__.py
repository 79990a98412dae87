"""Who may come in, who gets a session now, and who waits.

`access` checks token, origin and host, `clients` identifies the client; `slots` admits connections
and sessions by `quotas` and `waiting_room`; `succession` hands a session to its client's new
connection; `rate` and `turns` bound how fast something may be asked for.
"""
