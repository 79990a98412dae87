"""Riva's result messages as events: pure functions of message, segment number and timeline."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.asr.events import FileTranscript, Model, Transcript, Word
from app.asr.quiet import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from riva.client.proto import riva_asr_pb2

_MS = 1000.0


class StreamResults:
    """Turns the responses of one stream into transcripts.

    Args:
        to_caller: maps seconds of the recogniser's audio to seconds of the caller's.
        word_times: False when word times were not asked for: words without times are then left out,
            since Riva writes 0 where it has none.
    """

    def __init__(self, to_caller: Callable[[float], float], *, word_times: bool) -> None:
        self._to_caller = to_caller
        self._word_times = word_times
        self._segment_id = 0
        self.standing = Standing()

    def transcripts(
        self, response: riva_asr_pb2.StreamingRecognizeResponse
    ) -> Iterator[Transcript]:
        """The transcripts of one response, in Riva's order; results that say nothing are skipped.

        Riva does not number segments: they are counted here, up by one after each final.
        """
        self.standing.next_response()
        for result in response.results:
            transcript = self._transcript(result)
            if result.is_final:
                # Also one without a word: it takes back what was said for the time being.
                self.standing.settle()
            elif result.alternatives:
                self.standing.said(transcript)
            if transcript is None:
                continue
            if transcript.is_final:
                self._segment_id += 1
            yield transcript

    def _transcript(self, result: riva_asr_pb2.StreamingRecognitionResult) -> Transcript | None:
        alternatives = result.alternatives
        if not alternatives:
            return None
        best, is_final = alternatives[0], result.is_final
        text = best.transcript.strip()
        if not text:
            return None
        processed = _unless_zero(result.audio_processed)
        return Transcript(
            text=text,
            is_final=is_final,
            # Most interims have none.
            words=words(best, self._to_caller) if self._word_times and best.words else (),
            confidence=_unless_zero(best.confidence),
            stability=None if is_final else _unless_zero(result.stability),
            audio_processed=None if processed is None else round(self._to_caller(processed), 3),
            channel=result.channel_tag or None,
            languages=tuple(best.language_code),
            segment_id=self._segment_id,
        )


def words(
    alternative: riva_asr_pb2.SpeechRecognitionAlternative, to_caller: Callable[[float], float]
) -> tuple[Word, ...]:
    """The words of an alternative in order of time; Riva's int32 milliseconds become seconds."""
    found = (
        Word(
            word=info.word,
            start=to_caller(info.start_time / _MS),
            end=to_caller(info.end_time / _MS),
            confidence=_unless_zero(info.confidence),
            speaker=info.speaker_tag or None,
            language=info.language_code or None,
        )
        for info in alternative.words
    )
    return tuple(sorted(found, key=lambda word: (word.start, word.end)))


def offline_transcripts(
    response: riva_asr_pb2.RecognizeResponse, *, word_times: bool
) -> Iterator[Transcript]:
    """Every result of an offline recognition as a final; results that say nothing are skipped."""
    for segment_id, result in enumerate(response.results):
        if not result.alternatives or not (text := result.alternatives[0].transcript.strip()):
            continue
        best = result.alternatives[0]
        yield Transcript(
            text=text,
            is_final=True,
            words=words(best, _as_is) if word_times else (),
            confidence=_unless_zero(best.confidence),
            stability=None,
            audio_processed=_unless_zero(result.audio_processed),
            channel=result.channel_tag or None,
            languages=tuple(best.language_code),
            segment_id=segment_id,
        )


def _as_is(seconds: float) -> float:
    return seconds


def join_finals(
    finals: Iterable[Transcript], *, duration: float, warnings: tuple[str, ...] = ()
) -> FileTranscript:
    """All finals of a recording as one transcript."""
    parts = tuple(finals)
    scored = [(part.confidence, _weight(part)) for part in parts if part.confidence is not None]
    total = sum(weight for _, weight in scored)
    return FileTranscript(
        text=" ".join(part.text for part in parts),
        words=tuple(word for part in parts for word in part.words),
        confidence=sum(score * weight for score, weight in scored) / total if scored else None,
        duration=duration,
        warnings=warnings,
    )


def _weight(part: Transcript) -> int:
    # Riva may give no word list; the text's own words then say how much speech the score speaks
    # for.
    return len(part.words) or len(part.text.split())


def models(response: riva_asr_pb2.RivaSpeechRecognitionConfigResponse) -> tuple[Model, ...]:
    """The models a server lists."""
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


def _unless_zero(value: float) -> float | None:
    """Proto3 cannot tell 0.0 from unset, and Riva documents 0.0 as unset."""
    return value or None
