"""The tests' own program."""
