"""Gateways, and folders and buckets of recordings, for `perch batch`."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from ops.batch.command import command
from tests.support.gateways.running import Running, running_emulator, running_gateway
from tests.support.moto import bare_aws
from tests.support.recordings.making import encoded, speech_like

RATE = 16_000
BUCKET = "recordings"


def wav(seconds: float = 1.0, seed: int = 1) -> bytes:
    """A recording in which the emulator of these tests hears `hello world`."""
    return encoded(speech_like(seconds, RATE, seed), RATE, "WAV", "PCM_16")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Running]:
    """A gateway with sixteen sessions, in front of a scripted recogniser."""
    async with (
        running_emulator() as emulator,
        running_gateway(
            emulator, ws_max_concurrent_sessions=16, audio_max_realtime_factor=0
        ) as running,
    ):
        yield running


@pytest.fixture
def s3() -> Iterator[Any]:
    """A bucket of moto's, in this process."""
    with bare_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


async def batch(gateway: Running | str, source: object, to: object, *options: str) -> Result:
    """`perch batch`, in a thread: it has an event loop of its own."""
    url = gateway if isinstance(gateway, str) else f"{gateway.url}/ws"
    arguments = [str(source), str(to), "--url", url, *options]
    return await asyncio.to_thread(CliRunner().invoke, command, arguments)


def summary(run: Result) -> dict[str, Any]:
    """What `--json` printed; the gateway, in this process too, logs to the same place."""
    said: dict[str, Any] = json.loads(
        run.stdout[run.stdout.index("{\n") : run.stdout.rindex("\n}") + 2]
    )
    return said
