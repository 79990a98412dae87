"""`perch smoke`: whether a stack works, from the name of its endpoint to a recognised recording.

`checks.Smoke` makes the checks and `perch up` ends with it too, `report` is what it saw;
`dialect_b` and `latency` are what single checks need, `recording.find` is the recording that they
have recognised, and `command` is the subcommand.
"""
