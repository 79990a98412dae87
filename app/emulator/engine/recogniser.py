"""Streams in, results out: gate and decoder on their threads, and the order between them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from app.emulator.audio import AudioDecoder, Samples
from app.emulator.engine.decoder import Decoded, Decoder
from app.emulator.engine.model import find_model
from app.emulator.engine.segmenter import FRAME, RATE, GateRules, Segment, Segmenter
from app.emulator.engine.vad import SpeechDetector, SpeechGate
from app.emulator.metrics import Metrics
from app.emulator.recognition import HeardWord, Hypothesis, StreamOptions
from app.emulator.settings import EmulatorSettings

_BACKLOG = 4  # segments closed but not decoded, of one stream; then its audio waits
_FIRST_INTERIM = 0.3  # s of an open segment before its first interim; less holds no word

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    """Audio to decode: a closed segment, or an open one as far as it got."""

    segment: Segment
    audio: Samples
    is_final: bool


class SegmentTracker:
    """One stream's audio up to its segments. Blocking; used by one thread at a time.

    Args:
        options: The stream's format and the silence that ends a segment.
        gate: The voice detector's memory of this stream.
    """

    def __init__(self, options: StreamOptions, gate: SpeechGate) -> None:
        rules = GateRules()
        if options.stop_history is not None:
            rules = replace(
                rules,
                stop_seconds=options.stop_history,
                tail=min(rules.tail, options.stop_history),
            )
        self._decoder = AudioDecoder(options.audio)
        self._segmenter = Segmenter(rules)
        self._gate = gate
        self._kept: deque[Samples] = deque()  # whole frames, from `_kept_from` on
        self._kept_from = 0
        self._rest: Samples = np.zeros(0, np.float32)
        self._samples = 0
        self._length: int | None = None  # of the stream, once it has ended

    def feed(self, chunk: bytes) -> list[_Job]:
        """Process audio, and return the segments that it closed."""
        return self._advance(self._decoder.feed(chunk))

    def finish(self) -> list[_Job]:
        """Process the end of the stream, and return the segments that it closed."""
        jobs = self._advance(self._decoder.flush())
        self._length = self._samples + len(self._rest)
        if len(self._rest):
            jobs += self._advance(np.zeros(FRAME - len(self._rest), np.float32))
        segment = self._segmenter.finish(self._length)
        return jobs if segment is None else [*jobs, self._job(segment)]

    def open_segment(self) -> _Job | None:
        """Return the open segment up to now, for an interim."""
        start = self._segmenter.open_from
        if start is None:
            return None
        return self._job(
            Segment(start=start, end=self._samples, decided=self._samples), is_final=False
        )

    def _advance(self, samples: Samples) -> list[_Job]:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % FRAME
        self._rest = samples[whole:]
        jobs = [self._frame(samples[at : at + FRAME]) for at in range(0, whole, FRAME)]
        return [job for job in jobs if job is not None]

    def _frame(self, frame: Samples) -> _Job | None:
        self._kept.append(frame)
        self._samples += FRAME
        segment = self._segmenter.push(self._gate.probability(frame), float(np.dot(frame, frame)))
        job = None if segment is None else self._job(segment)
        while self._kept_from < self._segmenter.needed_from:
            self._kept.popleft()
            self._kept_from += FRAME
        return job

    def _job(self, segment: Segment, *, is_final: bool = True) -> _Job:
        if self._length is not None:
            segment = segment.within(self._length)
        audio = np.concatenate(self._kept)
        first = segment.start - self._kept_from
        return _Job(segment, audio[first : segment.end - self._kept_from], is_final)


def _stability(before: str, now: str) -> float:
    """Return the share of an interim's words that its predecessor had at the same places.

    One is added to both counts: a first interim is not certain to be wrong.
    """
    words = now.split()
    same = 0
    for old, new in zip(before.split(), words, strict=False):
        if old != new:
            break
        same += 1
    return (1 + same) / (1 + len(words)) if words else 0.0


class WhisperSession:
    """One stream of a `WhisperRecogniser`.

    Args:
        engine: The recogniser, loaded.
        options: The client's wishes.
    """

    def __init__(self, engine: "WhisperRecogniser", options: StreamOptions) -> None:
        self._engine = engine
        self._options = options
        self._tracker = SegmentTracker(options, engine.gate())
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue(_BACKLOG)
        self._busy = False  # whether a job of this stream is being decoded
        self._interim_at = 0  # samples of the stream at the latest interim
        self._released = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        """Write audio, waiting while too many segments are undecoded."""
        for job in await self._engine.listen(self._tracker.feed, chunk):
            await self._jobs.put(job)
        self._ask_interim()

    async def end(self) -> None:
        """Close the open segment, if any."""
        for job in await self._engine.listen(self._tracker.finish):
            await self._jobs.put(job)
        await self._jobs.put(None)

    def release(self) -> None:
        """Abandon the stream."""
        self._released.set()

    def _ask_interim(self) -> None:
        """Queue an interim if one is due.

        Nothing waits for interims: while this stream or all workers are busy there are none.
        """
        busy = self._busy or not self._jobs.empty() or self._engine.is_behind
        if busy or not self._options.interim_results:
            return
        job = self._tracker.open_segment()
        if job is None or len(job.audio) < _FIRST_INTERIM * RATE:
            return
        since = job.segment.end - max(self._interim_at, job.segment.start)
        if since >= self._engine.interim_interval * RATE:
            self._interim_at = job.segment.end
            self._jobs.put_nowait(job)

    async def results(self) -> AsyncGenerator[Hypothesis]:
        """Yield the finals of all segments in order, with interims between where requested."""
        interim = ""
        while (job := await self._next_job()) is not None:
            self._busy = True
            decoded = await self._engine.decode(job.audio, self._options.hotwords, job.is_final)
            self._busy = False
            if not decoded.text:
                continue
            if job.is_final:
                interim = ""
                yield _final(job.segment, decoded)
            elif decoded.text != interim:
                stability = _stability(interim, decoded.text)
                interim = decoded.text
                yield Hypothesis(
                    text=interim,
                    is_final=False,
                    stability=stability,
                    audio_processed=job.segment.decided / RATE,
                )

    async def _next_job(self) -> _Job | None:
        """Return the next job; None at the end, or once the stream is abandoned."""
        get = asyncio.ensure_future(self._jobs.get())
        gone = asyncio.ensure_future(self._released.wait())
        try:
            await asyncio.wait({get, gone}, return_when=asyncio.FIRST_COMPLETED)
            return None if gone.done() else await get
        finally:
            get.cancel()
            gone.cancel()


def _final(segment: Segment, decoded: Decoded) -> Hypothesis:
    offset = segment.start / RATE
    return Hypothesis(
        text=decoded.text,
        is_final=True,
        words=tuple(
            HeardWord(
                word=word.word,
                start=word.start + offset,
                end=word.end + offset,
                confidence=word.confidence,
            )
            for word in decoded.words
        ),
        confidence=decoded.confidence,
        audio_processed=segment.decided / RATE,
    )


class WhisperRecogniser:
    """Whisper on a CPU as a streaming recogniser.

    Args:
        settings: Model folder, number of decoding threads, interim interval, language.
        metrics: Where decode times are counted.
    """

    def __init__(self, settings: EmulatorSettings, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._settings = settings
        self.interim_interval = settings.interim_interval
        # Two pools: a gate that had to wait behind decodes would notice the end of speech late.
        self._listeners = ThreadPoolExecutor(1, thread_name_prefix="emulator-gate")
        self._workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="emulator-decode")
        self._decoding = 0
        self._decoder: Decoder | None = None
        self._detector: SpeechDetector | None = None

    async def load(self) -> None:
        """Load and verify the model, and decode once so that the first stream is not slower.

        Raises:
            ModelError: The model is missing or not the expected one.
        """
        loop = asyncio.get_running_loop()
        self._decoder, self._detector = await loop.run_in_executor(self._workers, self._load)

    def _load(self) -> tuple[Decoder, SpeechDetector]:
        decoder = Decoder(
            find_model(self._settings.model_dir),
            workers=self._settings.workers,
            language=self._settings.languages[0].partition("-")[0].lower(),
        )
        decoder.interim(np.zeros(RATE, np.float32))
        return decoder, SpeechDetector()

    @property
    def is_behind(self) -> bool:
        """Whether decodes wait for a worker, so that an interim would make finals late."""
        return self._decoding > self._settings.workers

    def gate(self) -> SpeechGate:
        """Return a voice detector for a new stream."""
        if self._detector is None:
            raise RuntimeError("the recogniser is not loaded; await load() first")
        return SpeechGate(self._detector)

    def open(self, options: StreamOptions) -> WhisperSession:
        """Open a stream."""
        return WhisperSession(self, options)

    async def listen(self, work: Callable[..., T], *arguments: object) -> T:
        """Run gate work on the gate's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._listeners, work, *arguments)

    async def decode(self, audio: Samples, hotwords: tuple[str, ...], is_final: bool) -> Decoded:
        """Decode on a worker thread, in the order of the calls."""
        if self._decoder is None:
            raise RuntimeError("the recogniser is not loaded; await load() first")
        decode = self._decoder.final if is_final else self._decoder.interim
        loop = asyncio.get_running_loop()
        self._decoding += 1
        try:
            with self._metrics.decoding.labels("final" if is_final else "interim").time():
                return await loop.run_in_executor(self._workers, decode, audio, hotwords)
        finally:
            self._decoding -= 1

    async def aclose(self) -> None:
        """Wait for decodes under way, and stop the threads."""
        self._decoder = self._detector = None
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._listeners.shutdown(cancel_futures=True)
        self._workers.shutdown(cancel_futures=True)
