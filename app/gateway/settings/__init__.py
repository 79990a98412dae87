"""What an operator configures: the settings APP_*, WS_*, AUDIO_* and LOG_*, and how they are read.

`gateway` holds the settings, with `access`, `identity`, `sessions`, `frames` and `uploads` as
groups of their own; `configuration` reads all settings of the process and reports every problem at
once.
"""
