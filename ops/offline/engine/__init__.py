"""What takes the place of the Pulumi engine while a program runs in this process.

`project` reads Pulumi.yaml and a stack's configuration, `program.run_program` runs the program,
`monitor` answers its registrations from a `ResourceProvider` with the engine's `urns`, and
`recording` is what was registered. `wire` and `sdk` know the values and types of Pulumi's SDK.
"""
