"""The engine, as the emulator's own tests load it."""

from tests.app.emulator.conftest import engine

__all__ = ["engine"]
