"""Stacks at git revisions and in the working tree: what a preview compares.

`checkouts` lays out a revision's files and records its stacks, each in a process without
credentials (`record`); `policies` judges them by their own policies; `git` asks the person's git.
"""
