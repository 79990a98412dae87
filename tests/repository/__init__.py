"""What holds of the repository itself: its set-up, its workflows, its shape."""
