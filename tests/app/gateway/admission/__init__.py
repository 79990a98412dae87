"""Tests of app.gateway.admission."""
