"""Settings from the environment and a file: right, or refused with every problem at once.

`Settings` is the base of every group of them, `rule` marks what several fields must have in common,
`Parts` a field whose parts have names,
`read` gives what could be read beside what is wrong, and `unknown_keys` finds the misspelt.
"""

from app.settings.reader import Parts, Problem, Settings, SettingsError, checked, read, rule
from app.settings.unknown import nearest, unknown_keys

__all__ = [
    "Parts",
    "Problem",
    "Settings",
    "SettingsError",
    "checked",
    "nearest",
    "read",
    "rule",
    "unknown_keys",
]
