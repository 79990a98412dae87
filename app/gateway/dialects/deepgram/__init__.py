"""Deepgram's API: live transcription and recordings at `/v1/listen`.

`live` and `recordings` are the codecs. `options` and `query` read what an address asks for,
`credentials` where keys are shown; `results` and `answers` are what clients are told.
"""
