"""Logs and metrics of the gateway.

`logs` configures JSON logging with redaction and returns loggers, `log_writer` writes from a thread
of its own; `metrics` registers every metric, in groups by `connections`, `endpoints` and `uploads`;
`docs` writes their reference page.
"""
