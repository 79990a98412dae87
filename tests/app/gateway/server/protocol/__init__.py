"""Tests of app.gateway.server.protocol."""
