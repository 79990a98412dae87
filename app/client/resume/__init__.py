"""Sessions that outlive their connection: broken, it is replaced, and no word is lost.

`ResumableConnection` is what callers hold. Behind it a `Reconnector` runs a `ResumableSession` over
as many connections as it takes; a `ReplayBuffer` keeps the audio that is in no final, and
`ReconnectRules` say when another connection is worth it and how long to wait before.
"""

from .connection import DEFAULT_KEEP_S, ResumableConnection
from .policy import ReconnectRules

__all__ = ["DEFAULT_KEEP_S", "ReconnectRules", "ResumableConnection"]
