"""Turn Riva's result messages into events: pure functions of message, segment and timeline."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from app.asr.events import FileTranscript, Model, Transcript, Word
from app.asr.wire import values
from app.asr.wire.allowance import INTERIM_WORDS, Allowance
from app.asr.wire.pending import PendingInterim

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from riva.client.proto import riva_asr_pb2

    from app.asr.wire.transport import StreamCall

_STEP: Final = 200
"""Words or results between two turns of the event loop: about a millisecond."""


class StreamResults:
    """Reads the responses of one stream and turns them into transcripts.

    Args:
        to_caller: maps seconds of the recogniser's audio to seconds of the caller's.
        sent: returns the seconds of audio the recogniser was sent so far.
        word_times: False when the request wanted none: words without times are then left out,
            since Riva writes 0 where it has none.
        interims: decides which interims are given.
        allowance: of the session; None for a session of its own.

    Attributes:
        standing: the interims that no final has taken back.
        reading_since: seconds of the loop's clock when the wait for a response began; None while
            none is waited for.
        have_ended: whether the recogniser has ended the stream well.
    """

    def __init__(
        self,
        to_caller: Callable[[float], float],
        sent: Callable[[], float],
        *,
        word_times: bool,
        interims: InterimPace | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self._to_caller = to_caller
        self._sent = sent
        self._word_times = word_times
        self._interims = interims or InterimPace()
        self._allowance = allowance or Allowance()
        self._segment_id = 0
        self.standing = PendingInterim()
        self.reading_since: float | None = None
        self.have_ended = False

    async def read(
        self, call: StreamCall, heard: Callable[[PendingInterim], None]
    ) -> AsyncGenerator[Transcript]:
        """Yield a stream's transcripts until it ends.

        Args:
            call: the stream.
            heard: told after each response which interims stand.

        Raises:
            AsrError: the stream broke, or ANSWER_TOO_LARGE.
        """
        now = asyncio.get_running_loop().time
        while True:
            self.reading_since = now()
            try:
                response = await call.read()
            finally:
                self.reading_since = None
            if response is None:
                self.have_ended = True
                return
            async with aclosing(self.transcripts(response)) as transcripts:
                async for transcript in transcripts:
                    if self._interims.passes(transcript, now()):
                        yield transcript
            heard(self.standing)

    async def transcripts(
        self, response: riva_asr_pb2.StreamingRecognizeResponse
    ) -> AsyncGenerator[Transcript]:
        """Yield a response's transcripts in Riva's order; skip results without text.

        Riva does not number segments: they are counted here, up by one after each final.

        Raises:
            AsrError: ANSWER_TOO_LARGE.
        """
        self.standing.next_response()
        for number, result in enumerate(response.results):
            if number % _STEP == _STEP - 1:
                await asyncio.sleep(0)
            sent = self._sent()
            self._allowance.add_result(sent)
            transcript = await self._transcript(result, sent)
            if result.is_final:
                # Also one without a word: it takes back the interims.
                self.standing.clear()
            elif result.alternatives:
                self.standing.add(transcript)
            if transcript is None:
                continue
            if transcript.is_final:
                self._segment_id += 1
            yield transcript

    async def _transcript(
        self, result: riva_asr_pb2.StreamingRecognitionResult, sent: float
    ) -> Transcript | None:
        alternatives = result.alternatives
        if not alternatives:
            return None
        best, is_final = alternatives[0], result.is_final
        text = best.transcript.strip()
        if not text:
            return None
        self._allowance.add(len(text), len(best.words), sent, is_final=is_final)
        processed = values.seconds(result.audio_processed, sent)
        # Most interims have none.
        wanted = self._word_times and (is_final or len(best.words) <= INTERIM_WORDS)
        return Transcript(
            text=text,
            is_final=is_final,
            words=await words(best, self._to_caller, sent) if wanted and best.words else (),
            confidence=values.score(best.confidence),
            stability=None if is_final else values.share(result.stability),
            audio_processed=None if processed is None else round(self._to_caller(processed), 3),
            channel=values.tag(result.channel_tag),
            languages=values.languages(best.language_code),
            segment_id=self._segment_id,
        )


class InterimPace:
    """Leaves out interims sooner than an interval after the last one of their segment.

    Args:
        interval: seconds.
        wanted: False leaves out all of them.
    """

    def __init__(self, interval: float = 0.0, *, wanted: bool = True) -> None:
        self._interval = interval
        self._wanted = wanted
        self._last: float | None = None

    def passes(self, transcript: Transcript, now: float) -> bool:
        """Return whether a transcript at `now` seconds passes: a final always does."""
        if transcript.is_final:
            # The first interim of the next segment shall not wait.
            self._last = None
            return True
        if not self._wanted or (self._last is not None and now - self._last < self._interval):
            return False
        self._last = now
        return True


async def words(
    alternative: riva_asr_pb2.SpeechRecognitionAlternative,
    to_caller: Callable[[float], float],
    sent: float,
) -> tuple[Word, ...]:
    """Return the words of an alternative in order of time; int32 milliseconds become seconds.

    The list is empty where one word lies where no audio is: with a hole it would be no transcript,
    and the other times are no better. It is empty too where all times are 0, as Riva writes times
    that it does not have.

    Args:
        alternative: as it came.
        to_caller: maps seconds of the recogniser's audio to seconds of the caller's.
        sent: seconds of audio the recogniser was sent.
    """
    found = []
    for number, info in enumerate(alternative.words):
        if number % _STEP == _STEP - 1:
            await asyncio.sleep(0)
        span = values.span(info.start_time, info.end_time, sent)
        if span is None:
            return ()
        found.append(
            Word(
                word=info.word,
                start=to_caller(span[0]),
                end=to_caller(span[1]),
                confidence=values.score(info.confidence),
                speaker=values.tag(info.speaker_tag),
                language=values.language(info.language_code),
            )
        )
    if not any(info.end_time for info in alternative.words):
        return ()
    found.sort(key=lambda word: (word.start, word.end))
    return tuple(found)


async def offline_transcripts(
    response: riva_asr_pb2.RecognizeResponse, *, duration: float, word_times: bool
) -> list[Transcript]:
    """Return each result of an offline recognition as a final; skip results without text.

    Args:
        response: as it came.
        duration: seconds of audio that were sent.
        word_times: as for `StreamResults`.

    Raises:
        AsrError: ANSWER_TOO_LARGE.
    """
    allowance, found = Allowance(), []
    for segment_id, result in enumerate(response.results):
        if segment_id % _STEP == _STEP - 1:
            await asyncio.sleep(0)
        allowance.add_result(duration)
        if not result.alternatives or not (text := result.alternatives[0].transcript.strip()):
            continue
        best = result.alternatives[0]
        allowance.add(len(text), len(best.words), duration, is_final=True)
        found.append(
            Transcript(
                text=text,
                is_final=True,
                words=await words(best, _as_is, duration) if word_times else (),
                confidence=values.score(best.confidence),
                stability=None,
                audio_processed=values.seconds(result.audio_processed, duration),
                channel=values.tag(result.channel_tag),
                languages=values.languages(best.language_code),
                segment_id=segment_id,
            )
        )
    return found


def _as_is(seconds: float) -> float:
    return seconds


def join_finals(
    finals: Iterable[Transcript], *, duration: float, warnings: tuple[str, ...] = ()
) -> FileTranscript:
    """Join all finals of a recording to one transcript."""
    parts = tuple(finals)
    scored = [(part.confidence, _weight(part)) for part in parts if part.confidence is not None]
    total = sum(weight for _, weight in scored)
    return FileTranscript(
        text=" ".join(part.text for part in parts),
        words=tuple(word for part in parts for word in part.words),
        confidence=sum(score * weight for score, weight in scored) / total if scored else None,
        duration=duration,
        warnings=warnings,
        segments=parts,
    )


def _weight(part: Transcript) -> int:
    # Without a word list the text's own words say how much speech the score is about.
    return len(part.words) or len(part.text.split())


def models(response: riva_asr_pb2.RivaSpeechRecognitionConfigResponse) -> tuple[Model, ...]:
    """Return the models a server lists."""
    return tuple(_model(entry) for entry in response.model_config)


def _model(entry: riva_asr_pb2.RivaSpeechRecognitionConfigResponse.Config) -> Model:
    parameters = dict(entry.parameters)
    return Model(
        name=entry.model_name,
        language=parameters.get("language_code") or None,
        streaming=_is_streaming(parameters),
        parameters=MappingProxyType(parameters),
    )


def _is_streaming(parameters: dict[str, str]) -> bool | None:
    match parameters.get("type", "").lower():
        case "online":
            return True
        case "offline":
            return False
        case _:
            return None
