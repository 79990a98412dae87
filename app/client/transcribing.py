"""Transcription of whole recordings, and its latencies as far as they can be measured."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..contract.dialect_a import SessionStopped, StartTranscription, Transcription
from .audio import PcmAudio, read_audio
from .connecting import AnyConnection, connect
from .deadlines import Deadlines
from .events import Event, Reconnected
from .pacing import DEFAULT_CHUNK_SECONDS, chunks, paced
from .timeline import Timeline, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The transcript of a recording and its latencies.

    All durations are of one monotonic clock in this process, network and this client's own delay
    included. What was not measured is None.

    Attributes:
        finals: Final results in order.
        stopped: The gateway's closing message.
        audio_s: Length of the recording.
        wall_s: From the first audio sent to `session_stopped`. None when there was no audio to
            send.
        first_interim_s: From the first audio sent to the first interim with text. Leading silence
            counts. None when there was none.
        first_interim_after_speech_s: The same from the sending of the audio in which speech begins.
            None when the caller did not say where that is, or the audio was not sent in real time.
        final_lags_s: For every final that names words and came before the end was asked for: from
            the sending of the last word's end to its arrival, so the end-pointing silence counts.
            Empty when not sent in real time.
        last_final_s: From asking for the end to the last final. None when none was outstanding
            then.
        finish_s: From asking for the end to `session_stopped`.
        reconnects: Breaks of the connection after which the session went on; durations above
            include them.
        warnings: What was odd about the recording, one sentence each: that it ends before its
            header says, for one.
    """

    finals: tuple[Transcription, ...]
    stopped: SessionStopped
    audio_s: float
    wall_s: float | None
    first_interim_s: float | None
    first_interim_after_speech_s: float | None
    final_lags_s: tuple[float, ...]
    last_final_s: float | None
    finish_s: float | None
    reconnects: tuple[Reconnected, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The finals, joined by spaces."""
        return " ".join(final.text.strip() for final in self.finals if final.text.strip())


async def transcribe(  # noqa: PLR0913 - independent keywords, each with a default
    url: str,
    recording: Path | PcmAudio,
    *,
    token: str | None = None,
    ca: Path | str | None = None,
    deadlines: Deadlines | None = None,
    wait: float | None = None,
    resume: bool = True,
    options: StartTranscription | None = None,
    realtime: bool = True,
    chunk_s: float = DEFAULT_CHUNK_SECONDS,
    speech_start_s: float | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    """Connect, send one recording, and return its transcript.

    Example:
        outcome = await transcribe("wss://asr.example.com/ws", Path("call.flac"), token=token)
        print(outcome.text, outcome.last_final_s)

    Args:
        url: As for `connect`, like `token`, `ca`, `deadlines`, `wait` and `resume`.
        token: Bearer token.
        ca: PEM file of the authority to trust.
        deadlines: How long to wait for what.
        wait: Seconds in the waiting room at most.
        resume: Whether the session goes on over another connection when its own breaks.
        recording: A file to read, or samples.
        options: As for `stream`, like all that follow.
        realtime: Send as fast as it was spoken, or as fast as the gateway takes it.
        chunk_s: Length of a message in seconds.
        speech_start_s: Where speech begins in the recording, where the caller knows.
        on_event: Called with every event as it comes.

    Raises:
        ValueError: An argument cannot be.
        AudioFileError: See `read_audio`.
        ClientError: See `connect` and `stream`.
    """
    audio = (
        recording
        if isinstance(recording, PcmAudio)
        else await asyncio.to_thread(read_audio, recording)
    )
    async with connect(
        url, token=token, ca=ca, deadlines=deadlines, wait=wait, resume=resume
    ) as connection:
        return await stream(
            connection,
            audio,
            options=options,
            realtime=realtime,
            chunk_s=chunk_s,
            speech_start_s=speech_start_s,
            on_event=on_event,
        )


async def stream(  # noqa: PLR0913 - independent keywords, each with a default
    connection: AnyConnection,
    audio: PcmAudio,
    *,
    options: StartTranscription | None = None,
    realtime: bool = True,
    chunk_s: float = DEFAULT_CHUNK_SECONDS,
    speech_start_s: float | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    """Run one session over a recording, on a connection that stays open afterwards.

    Args:
        connection: Open, with no session running.
        audio: What to send.
        options: Start options; rate, encoding and channels are set from `audio`.
        realtime: Send as fast as it was spoken (the schedule does not drift), or as fast as the
            gateway takes it.
        chunk_s: Length of a message in seconds.
        speech_start_s: Where speech begins in the recording, where the caller knows; else the
            latency counted from there stays None.
        on_event: Called with every event as it comes, on the event loop: it must return at once.

    Raises:
        ValueError: `chunk_s` is shorter than a sample.
        ClientError: The gateway refused or failed, or the connection broke.
    """
    pieces = chunks(audio, chunk_s)
    wanted = (options or StartTranscription()).model_copy(
        update={"sample_rate": audio.sample_rate, "encoding": "pcm16", "channels": 1}
    )
    times = Timeline(chunk_s=chunk_s)
    try:
        async with asyncio.TaskGroup() as group:
            # In this order: the start discards unread events of an earlier session.
            starting = group.create_task(connection.start(wanted))
            group.create_task(_read(connection, times, on_event))
            await starting
            sender = group.create_task(
                _write(connection, times, pieces, audio.sample_rate if realtime else None)
            )
    except BaseExceptionGroup as errors:
        # Both fail by the same cause when a connection breaks; the first error stands.
        raise errors.exceptions[0] from None
    return _outcome(
        times,
        sender.result(),
        audio,
        speech_start_s if realtime else None,
        realtime=realtime,
    )


async def _read(
    connection: AnyConnection, times: Timeline, on_event: Callable[[Event], None] | None
) -> None:
    async for event in connection.events():
        times.received(event)
        if on_event is not None:
            on_event(event)


async def _write(
    connection: AnyConnection, times: Timeline, pieces: list[bytes], sample_rate: int | None
) -> SessionStopped:
    """Send everything and request the end; a sample rate means at the speed of speech."""
    if sample_rate is None:
        for piece in pieces:
            await connection.send(piece)
            times.sent()
    else:
        async for piece in paced(pieces, sample_rate):
            await connection.send(piece)
            times.sent()
    times.stop_requested()
    stopped = await connection.finish()
    times.stopped()
    return stopped


def _outcome(
    times: Timeline,
    stopped: SessionStopped,
    audio: PcmAudio,
    speech_start_s: float | None,
    *,
    realtime: bool,
) -> Outcome:
    speech = None if speech_start_s is None else times.sent_of(speech_start_s)
    return Outcome(
        finals=tuple(final for _, final in times.finals),
        stopped=stopped,
        audio_s=audio.seconds,
        wall_s=span(times.begun_at, times.stopped_at),
        first_interim_s=span(times.begun_at, times.first_interim_at),
        first_interim_after_speech_s=span(speech, times.first_interim_at),
        final_lags_s=tuple(times.final_lags()) if realtime else (),
        last_final_s=span(times.stop_at, times.last_final_after_stop_at),
        finish_s=span(times.stop_at, times.stopped_at),
        reconnects=tuple(times.reconnects),
        warnings=audio.warnings,
    )
