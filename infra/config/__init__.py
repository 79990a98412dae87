"""A stack's configuration: every key, every rule between keys, and the page that lists them.

`stack.load` reads the running stack whole and reports every problem at once, before any resource
exists; `sections` has the keys with `colour` and `elsewhere`, `reference` writes
docs/configuration.md from them.
"""
