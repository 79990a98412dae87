"""How policies are made and run: a rule, what it sees of a stack, and the judge.

`rule` turns a rule into a Pulumi policy; `recorded` and `judging` run the pack without Pulumi.
"""
