"""Who does not belong, at a gateway as it runs: by TLS, with every way to know clients.

`guarded` starts it, `forgeries` makes what nearly lets somebody in.
"""
