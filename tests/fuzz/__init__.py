"""Fuzzing of everything that parses a stranger's bytes: `make fuzz`.

`targets` says what is fuzzed and what is promised of it, `engine` runs one target in a process of
its own, `findings` keeps the inputs that broke a promise once.
"""
