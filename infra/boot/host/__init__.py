"""What runs on the machine itself."""
