"""Which recogniser takes the next call.

`routes` offers the endpoint pool in use (primary or fallback) and the retry budget;
`pool` chooses among the endpoints by what `ejection`, `http_probe` and `capacity` know of each;
`discovery` finds them, by address or by name; `lease` is one open call and the endpoint it counts
for; `retries` repeats what failed for the moment. Knows `app.asr.wire`, and nothing of sessions.
"""
