"""Tests of app.gateway.tracing."""
