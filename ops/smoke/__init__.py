"""`perch smoke`: whether a stack works, from the name of its endpoint to a recognised recording.

`checks.Smoke` makes the checks and `perch up` ends with it too; `recording.find` is the recording
that they have recognised; `command` is the subcommand.
"""
