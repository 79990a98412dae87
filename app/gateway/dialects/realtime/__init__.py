"""Realtime transcription over JSON with base64 audio: OpenAI's, and that of NVIDIA's NIM.

`openai` and `nim` are the codecs, `shared` the path that both claim. `agreement` finds the words
that can be told before they are final, `items` are OpenAI's utterances, `options` and
`nim_options` what a session can be asked for, on the common ground of `messages`.
"""
