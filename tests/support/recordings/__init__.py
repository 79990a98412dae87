"""Recordings made for tests in every container, and every way one goes to a recogniser."""
