"""What is fuzzed, one module a parser or a few that belong together."""
