"""What a GPU machine does when it starts."""
