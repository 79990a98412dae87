"""Load and capacity: how many real-time sessions a stack carries within its objectives.

`command` is `perch load`, and is not imported here: generators need little of what it needs.
`playing` is one of its generator processes; what they play is planned in `plan`, and what came of
it is judged in `judged` without any of them.
"""
