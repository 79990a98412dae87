"""`perch batch`: recordings in bulk, from a folder or a bucket to a folder or a bucket.

`command` is the subcommand. `running` has recordings heard, as many at a time as `slots` finds room
for; `hearing` sends one. `plan` says what is to be done, `place` reads and writes `folder`s and
`bucket`s, `names` names what is written there, and `transcript` is that. `progress` and `report`
tell a person.
"""
