"""The threat model: what an attacker at each entry could try, what stops it, and the test of it.

`clients`, `machines` and `people` have the rows, `page` renders them into docs/security.md, and the
test holds that each test of a row exists and is run.
"""
