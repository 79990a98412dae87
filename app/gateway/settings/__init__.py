"""What an operator configures: the settings APP_*, WS_*, AUDIO_* and LOG_*, and how they are read.

`gateway` holds the settings, with `frames` and `uploads` as groups of their own; `configuration`
reads the environment and the file of `env_file`, and reports every problem at once.
"""
