"""The dialects of clients: each parses messages to intents and renders events.

`codec` is the interface, `intents` are what clients can ask for, `events` what can be sent to them,
`registry` names the dialects there are. `a` and `b` are Perch's own, on the common ground of
`perch`. `upload` is the interface of dialects of uploads over HTTP, `file` Perch's own of these,
`openai` OpenAI's. A new dialect is a file of its own and a line in `registry`.
"""
