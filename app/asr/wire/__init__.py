"""One recogniser as bytes, messages and clocks: everything that knows gRPC or Riva's protocol.

`transport` offers Riva's three calls over the connections of `channels`; `requests` and `results`
translate to and from Riva's messages as pure functions; `answers`, `values` and `allowance` bound
what a recogniser may say; `pending` holds the interims no final has replaced; `timeline` maps the
recogniser's clock to the caller's. Knows the plain data of `app.asr` alone.
"""
