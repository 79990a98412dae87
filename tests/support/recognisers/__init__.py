"""Recognisers for tests: a scripted Riva server, and the engine fed with the recordings."""
