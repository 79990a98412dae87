"""Breaks one small thing at a time and looks whether a test notices: `make mutants`.

`source` finds what can be broken, `covering` which tests run a line, `trial` runs them against a
copy that is broken, and `python -m tests.mutants` draws a sample and reports what survived.
"""
