"""Tests of app.gateway.settings."""
