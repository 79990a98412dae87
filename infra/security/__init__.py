"""Keys, the secrets that they lock, and what keeps a stack from being destroyed."""
