"""Tests of app.gateway.dialects."""
