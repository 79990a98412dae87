"""Tests of app.gateway.server."""
