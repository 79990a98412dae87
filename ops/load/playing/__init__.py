"""One generator of a load test: a process that plays the sessions of its share of a plan.

`worker` is the process, `sessions` and `dialect_b` speak in it, `stage` is what they share.
"""
