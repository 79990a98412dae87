"""Secrets that are planted, and the search for them in whatever Perch tells."""
