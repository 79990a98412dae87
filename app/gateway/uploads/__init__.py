"""Uploaded recordings: received on disk at a minimum rate, within one budget, then recognised.

`reception` receives a request's file, with `form` as the parser and `rate` as the minimum rate;
`queue` gives uploads slots, disk space and sessions within each `allowance`; `hangup` ends work
whose client is gone.
"""
