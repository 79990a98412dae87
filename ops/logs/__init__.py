"""`perch logs`: what gateways, recognisers and machines of a stack have written.

`lines` is a line and what is wanted of it, `in_cloudwatch` reads those of an account, `in_files`
those of a stack on this machine, and `command` is the subcommand.
"""
