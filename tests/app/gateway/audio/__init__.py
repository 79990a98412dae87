"""Tests of app.gateway.audio, and of the audio of live sessions."""
