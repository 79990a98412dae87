"""`perch token`: the API keys of a stack, and what is revoked of its issuer's tokens."""
