"""`perch status`: how a stack is, in one look.

`report` is what is told, `in_aws` and `here` ask for it (an account; the processes of `perch up`),
`money` adds up what the machines have cost, `certificate` looks at the endpoint's, `shown` words
the report, and `command` is the subcommand.
"""
