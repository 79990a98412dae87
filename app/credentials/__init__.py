"""API keys, and the list of those that are good and of what was revoked.

`api_key` says what a key looks like, `access_list` what an environment's list holds. The gateway
checks keys by it, and `perch token` writes it.
"""
