"""The difference of two recordings, and how it is shown.

`compare` finds it by `rules` (what AWS replaces, what protects) and gives a `model.Comparison`;
`findings` and `money` add policies and prices; `rendering` is for people and `digest` for programs.
"""
