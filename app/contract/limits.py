"""Numbers both sides of the contract may rely on.

What an operator may change (connections, session length, message size) is a setting of the gateway
and announced in its hello message; what stands here is part of the contract itself.
"""

from typing import Final

PROTOCOL_VERSION_A: Final = "1.1"
"""Dialect A had no version; 1.1 is the first that announces one."""

SERVICE: Final = "perch"
"""What answers over HTTP call themselves."""

PROTOCOL_VERSION_B: Final = "1.0"
"""What dialect B's hello has always said. Old clients may compare it."""

PATH_A: Final = "/ws"
"""Where dialect A's clients connect."""

PATH_B: Final = "/ws/transcribe"
"""Dialect B is spoken here, dialect A on every other WebSocket path."""

MIN_SAMPLE_RATE_HZ: Final = 8_000
MAX_SAMPLE_RATE_HZ: Final = 48_000
DEFAULT_SAMPLE_RATE_HZ: Final = 16_000

SUPPORTED_SAMPLE_RATES_HZ: Final = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Rates announced in the hello. Any whole rate between the minimum and the maximum is accepted."""

BYTES_PER_SAMPLE: Final = {"pcm16": 2, "float32": 4}
SUPPORTED_ENCODINGS: Final = tuple(BYTES_PER_SAMPLE)
SUPPORTED_CHANNELS: Final = (1, 2)
"""Two interleaved channels are averaged to one before recognition."""

MAX_HOTWORDS: Final = 500
MAX_HOTWORD_CHARS: Final = 100
MAX_HOTWORD_BOOST: Final = 100.0
"""Riva's protocol file advises 0 to 20, NVIDIA's NIM pages 20 to 100."""

MAX_ENDPOINTING_MS: Final = 60_000
MAX_NAME_CHARS: Final = 128

MAX_CONTROL_BYTES: Final = 65_536
"""Largest text message. 500 hotwords of 100 characters fit."""

MAX_ECHO_CHARS: Final = 80
"""How much of a client's own value an error message repeats."""

MIN_HEARTBEAT_S: Final = 0.5
MAX_HEARTBEAT_S: Final = 60.0
DEFAULT_HEARTBEAT_S: Final = 5.0
"""Between two heartbeats of a resumable session whose start names no interval."""

MAX_RESUME_TOKEN_CHARS: Final = 2048

MIN_WAIT_S: Final = 1.0
MAX_WAIT_S: Final = 300.0
"""How long a client may ask to wait for a free place."""

PATH_TOKENS: Final = "/v1/tokens"
"""Where a kept credential is exchanged for a single-use token."""
MIN_TOKEN_TTL_S: Final = 1.0
MAX_TOKEN_TTL_S: Final = 600.0
DEFAULT_TOKEN_TTL_S: Final = 60.0
"""How long a single-use token is good for: a page that asked for it connects at once."""
MAX_TOKEN_SESSION_S: Final = 86_400.0
MAX_TOKEN_REQUEST_BYTES: Final = 4096
MAX_ORIGIN_CHARS: Final = 280
"""A name has 253 characters at most (RFC 1035, 2.3.4), beside scheme and port."""
