"""OpenAI's dialect: recordings over HTTP, as its SDKs post them.

`rest` is the codec, on `form`, which reads what a form asks for, and `answers`, which renders what
was heard and what went wrong.
"""
