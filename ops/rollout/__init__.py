"""A release: sessions moved from one colour to the other step by step, or all of them back at once.

`perch canary` and `perch rollback`. What is decided is pure: `steps` and `verdict` are tables and
comparisons, `states` says what follows from what was seen. What is touched has a module each:
`weights` the listener, `alarms` CloudWatch, `warmth` the group of the colour that was left,
`measurement` sessions of our own, `journal` what another operator goes on from. `release` drives
them.
"""
