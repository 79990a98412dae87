"""Keys, and the secrets that they lock."""
