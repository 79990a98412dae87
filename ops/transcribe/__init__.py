"""`perch transcribe`: a recording, or sound from a pipe, through a stack's gateway.

`command` is the subcommand, `sending` sends the sound as it is read; `start_options` checks what is
asked of a session, `screen` shows what is recognised, and `advice` words what a failed session
means.
"""
