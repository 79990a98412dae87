"""`perch doctor`: what is wrong with the operator's machine or with a stack, and what to do.

`finding` is one line of it, `machine` looks at this computer, `in_aws` at a stack of an account,
`files` compares the stack's file with what was deployed, and `command` is the subcommand.
"""
