"""What comes from a recogniser, and what is taken of it."""
