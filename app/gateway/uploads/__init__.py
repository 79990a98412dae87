"""Recordings as files over HTTP: received on disk at a least rate, within one budget, then heard.

`route` answers the request; `form` takes the body apart; `pace` holds slow clients to the least
rate; `allowance` and `line` keep what uploads may have apart from what speakers have.
"""
