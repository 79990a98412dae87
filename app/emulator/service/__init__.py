"""The Riva speech recognition service and the standard health service, over gRPC.

`AsrService` and `HealthService` are generic handlers; `stream` is the life of one
StreamingRecognize call, `headers` finds sound files among raw samples, and `messages` translates
Riva's messages.
"""

from app.emulator.service.handlers import AsrService, HealthService

__all__ = ["AsrService", "HealthService"]
