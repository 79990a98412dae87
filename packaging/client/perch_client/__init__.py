"""Streaming speech recognition over a Perch gateway. What stands here is what there is to use.

Example:
    async with connect("wss://asr.example.com/ws", token=token) as gateway:
        await gateway.start(StartTranscription(sample_rate=16000))
        await gateway.send(pcm)
        await gateway.finish()
        async for event in gateway.events():
            if isinstance(event, Transcription):
                print(event.text)
"""

from . import client
from .client import *  # noqa: F403 - its names, whichever they are

__all__: list[str] = []
__all__ += client.__all__
