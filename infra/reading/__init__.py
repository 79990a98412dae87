"""Reads a tree of settings with pydantic, and reports every problem at once.

`reader` has `Section`, the base of every group of settings, and `read`; `kinds` are the types of
single values, each with the words that say what it accepts.
"""
