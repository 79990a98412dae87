"""What people and CI run against a stack: the command `perch`, and what it stands on.

`ops.cli` is the command and `ops.stack` reads a stack's outputs. Each subcommand has a module or a
package: smoke, transcribe, preview, recognition, qa, and `up` and `down` in local. They stand on
offline (the Pulumi program without Pulumi's service), cost (prices) and console (how a command
speaks with a person).
"""
