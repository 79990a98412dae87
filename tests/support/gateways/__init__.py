"""Gateways for tests: in the test's event loop, as processes, scripted, and broken at any point."""
