"""Decodes what a client sends to PCM16, mono; knows no socket and no session.

`decoder` takes samples, `container` takes files and recorder streams.
"""
