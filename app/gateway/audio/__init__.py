"""From the bytes a client sends to PCM16, mono: no socket, no session.

`decoder` takes samples, `container` takes files and recorder streams.
"""
