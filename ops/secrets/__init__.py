"""The secrets of a stack: `perch secrets` gives them values, `perch certs` makes certificates.

Machines and local gateways are told of each change, and fetch what is new within seconds.
"""
