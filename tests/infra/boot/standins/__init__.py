"""A machine without AWS: stand-ins for its programs, its metadata service, and its file system."""
