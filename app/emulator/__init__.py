"""A Riva-compatible server that recognises real speech on a CPU."""
