"""A small asynchronous client of the gateway's contract."""
