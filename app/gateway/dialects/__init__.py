"""The vocabularies of clients.

`codec` is the interface of a dialect: parse a message to an intent, render an event. `intents` are
what clients can ask for; `a` and `b` are the dialects there are.
"""
