"""Tests of app.gateway.telemetry."""
