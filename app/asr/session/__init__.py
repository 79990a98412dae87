"""A recognition that outlives the calls it is made of.

`session` offers `RecognitionSession`: audio is sent in, events are iterated. It runs one call
(`call`) after the other; `feeding` sends it what an iterator gives. `buffer` holds the audio that
is unsent or in no final; `splice`, `coverage`, `seam` and `overlap` put the results of the calls
on one timeline; `finalising` and `quiet` cut a call, `outage` and `reopening` open another one;
`progress` is how far the consumer is. `options` and `rules` are what a session is made with.
"""
