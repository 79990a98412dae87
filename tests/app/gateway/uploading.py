"""Uploads as clients send them."""

from io import BytesIO

import httpx
import numpy as np
import soundfile

from tests.support.gateways.running import Running


def recording(form: str, subtype: str, seconds: float = 1.0, channels: int = 1) -> bytes:
    """Return silence in a container."""
    buffer = BytesIO()
    samples = np.zeros((int(16_000 * seconds), channels), dtype=np.float32)
    soundfile.write(buffer, samples, 16_000, format=form, subtype=subtype)
    return buffer.getvalue()


async def upload(gateway: Running, data: bytes, name: str = "talk.wav") -> httpx.Response:
    """Upload a file."""
    async with httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http:
        return await http.post("/transcribe/file", files={"file": (name, data)})
