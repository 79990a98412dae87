"""Tests of app.gateway.session."""
