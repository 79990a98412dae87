"""What an operator configures: the settings APP_*, WS_*, AUDIO_*, LOG_*, OTEL_*, and their reading.

`gateway` holds the settings, with `access`, `identity`, `sessions`, `frames`, `uploads` and
`traces` as groups of their own; `configuration` reads all settings of the process and reports every
problem at once.
"""
