"""How every command of `perch` speaks with a person.

`errors` ends a command in one sentence and with a documented exit code, `options` are those that
commands share, `paths` finds the project and a stack's state folder, and `hints` words the next
command to type.
"""
