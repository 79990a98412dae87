"""Settings that read nothing of the machine's environment, and clients that are closed again."""

# ruff: noqa: ANN401 - values of every type are handed over on purpose

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.asr import RivaASRClient, RivaSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.recognisers.fake_riva import FakeRiva


@pytest.fixture(autouse=True)
def _no_riva_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in os.environ:
        if key.upper().startswith("RIVA_"):
            monkeypatch.delenv(key)


def settings_for(riva: FakeRiva, **changes: Any) -> RivaSettings:
    """Settings that point at the server and wait for nothing longer than a test should take."""
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": riva.port,
        "http_port": 0,
        "retry_delay_ms": 0,
        **changes,
    }
    return RivaSettings(_env_file=None, **values)


@asynccontextmanager
async def client_of(riva: FakeRiva, **changes: Any) -> AsyncIterator[RivaASRClient]:
    client = RivaASRClient(settings_for(riva, **changes))
    try:
        yield client
    finally:
        await client.aclose()
