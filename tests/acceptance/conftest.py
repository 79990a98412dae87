"""The engine and what it hears, as the emulator's own tests have them."""

from tests.app.emulator.conftest import direct_finals, engine

__all__ = ["direct_finals", "engine"]
