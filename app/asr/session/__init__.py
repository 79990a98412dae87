"""A recognition session, which outlives the calls it is made of.

`session` offers it: `send`, `finalise`, `end`, `cursor`, `lost`, and events to iterate; `feeding`
pushes the audio of an iterator. Below it, `buffer` holds the audio until it is final, in two
limits; `call` runs one call; `outage` and `reopening` say when another one is opened, `restart`
where it begins, and `overlap` and `coverage` put what several calls say on one timeline.
`finalising` and `quiet` cut a call, `progress` follows what the consumer has used, `rules` are the
bounds.
"""
