"""A recognition that outlives the calls it is made of.

`lasting` runs one session over as many calls (`stream`) as it takes; `intake` and `replay` hold the
audio no final covers; `splice`, `coverage`, `seam` and `overlap` put what several calls say on one
timeline; `finalising`, `quiet` and `reopening` cut a call and open another.
"""
