"""Word error rates of recognised speech against reference transcripts."""
