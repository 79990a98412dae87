"""Audio of one segment to words, by Whisper through CTranslate2. Blocking; runs in worker threads.

Whisper wants 30 s windows. The encoder takes most of the time, and CTranslate2 accepts a shorter
window, so a segment is followed only by as much padding as keeps the text right: see `Window`. The
numbers were measured with tiny.en (docs/adr/0202).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
import tokenizers
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.tokenizer import Tokenizer

from app.emulator.audio import ENGINE_RATE, Samples
from app.emulator.engine.echo import echo_length, without_echo
from app.emulator.engine.segmenter import RATE
from app.emulator.recognition import HeardWord

_MEL_FRAMES_PER_SECOND = 100
_WHOLE_WINDOW = 30 * _MEL_FRAMES_PER_SECOND
_ENCODER_STEP = 0.02  # s; one position of the encoder, which halves the mel frames
_TOKENS_PER_SECOND = 9  # fast speech takes about 6; more is an echo
_SPARE_TOKENS = 12
_MOST_TOKENS = 448  # Whisper's text context
_PROMPT_TOKENS = 100  # of hotwords; leaves the text its room
_ALIGNMENT_LAG = 0.11  # s by which aligned words lie late, on average
_LEAST_LOGPROB = -1.2
_DOUBTFUL_LOGPROB = -0.6
_DOUBTFUL_NO_SPEECH = 0.8
# An echo of fewer words is more likely to have been said.
_SUSPICIOUS_ECHO = 3


@dataclass(frozen=True, slots=True)
class Window:
    """How much the encoder sees: the audio and `extra` seconds of nothing, at least `least`."""

    extra: float
    least: float

    def mel_frames(self, samples: int) -> int:
        """Return the even number of mel frames, at most Whisper's 30 s."""
        seconds = max(self.least, samples / ENGINE_RATE + self.extra)
        return min(_WHOLE_WINDOW, 2 * math.ceil(seconds * _MEL_FRAMES_PER_SECOND / 2))


INTERIM = Window(extra=1.0, least=2.0)
FINAL = Window(extra=5.0, least=10.0)
WHOLE = Window(extra=30.0, least=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a segment says.

    Attributes:
        text: The transcript with punctuation; empty where nothing was said.
        words: With times in seconds from the segment's first sample; finals only.
        confidence: Geometric mean of the tokens' probabilities, 0..1.
    """

    text: str
    words: tuple[HeardWord, ...] = ()
    confidence: float | None = None


_NOTHING = Decoded(text="")


@dataclass(frozen=True, slots=True)
class _Generated:
    encoded: Any
    tokens: list[int]
    text: str
    logprob: float
    no_speech: float

    @property
    def is_speech(self) -> bool:
        doubtful = self.no_speech > _DOUBTFUL_NO_SPEECH and self.logprob < _DOUBTFUL_LOGPROB
        return bool(self.text) and self.logprob >= _LEAST_LOGPROB and not doubtful


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    tokens: int
    spoken_tokens: int  # without the punctuation at its end, which takes a pause's time


def grouped(pieces: Sequence[str], tokens: Sequence[int]) -> list[_Piece]:
    """Join a tokenizer's pieces to the words that splitting the transcript at spaces gives.

    Args:
        pieces: Words as the tokenizer splits them: `$38` and `.50`, or ` March` and `.`.
        tokens: Number of tokens of each piece.
    """
    words: list[_Piece] = []
    for text, count in zip(pieces, tokens, strict=True):
        spoken = count if any(character.isalnum() for character in text) else 0
        if words and not text.startswith(" "):
            before = words.pop()
            spoken = before.tokens + count if spoken else before.spoken_tokens
            words.append(_Piece(before.text + text.strip(), before.tokens + count, spoken))
        else:
            words.append(_Piece(text.strip(), count, spoken))
    return words


class Decoder:
    """The model in memory, for any number of threads at once.

    Args:
        folder: A CTranslate2 Whisper model with its tokenizer.
        workers: How many segments may be decoded at once, each on one thread.
        language: Two-letter code; a model for English alone ignores it.
    """

    def __init__(self, folder: Path, *, workers: int, language: str) -> None:
        # One thread each: the sums are always formed in the same order, and workers share cores
        # better than the threads of one decode do.
        self._model = ctranslate2.models.Whisper(
            str(folder), compute_type="int8", inter_threads=workers, intra_threads=1
        )
        self._tokenizer = Tokenizer(
            tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")),
            multilingual=self._model.is_multilingual,
            task="transcribe",
            language=language,
        )
        self._features = FeatureExtractor(feature_size=self._model.n_mels)

    def interim(self, audio: Samples, hotwords: tuple[str, ...] = ()) -> Decoded:
        """Decode an open segment quickly; an echo is cut off.

        Args:
            audio: Samples in -1..1 at 16 kHz.
            hotwords: Phrases to favour.
        """
        heard = self._generate(audio, INTERIM, hotwords)
        return Decoded(text=without_echo(heard.text)) if heard.is_speech else _NOTHING

    def final(self, audio: Samples, hotwords: tuple[str, ...] = ()) -> Decoded:
        """Decode a closed segment, with times. Depends on nothing but the arguments.

        Args:
            audio: Samples in -1..1 at 16 kHz, at most 30 s.
            hotwords: Phrases to favour.
        """
        heard = self._generate(audio, FINAL, hotwords)
        if echo_length(heard.text.split()) >= _SUSPICIOUS_ECHO:
            heard = self._generate(audio, WHOLE, hotwords)
        if not heard.is_speech:
            return _NOTHING
        return Decoded(
            text=heard.text,
            words=self._words(heard, len(audio)),
            confidence=min(1.0, math.exp(heard.logprob)),
        )

    def _encode(self, audio: Samples, window: Window) -> Any:  # noqa: ANN401 - a CTranslate2 array
        mel: npt.NDArray[np.float32] = self._features(audio)
        frames = window.mel_frames(len(audio))
        mel = mel[:, :frames]
        mel = np.pad(mel, ((0, 0), (0, frames - mel.shape[1])), constant_values=mel.min())
        batch = np.ascontiguousarray(mel[np.newaxis], np.float32)
        return self._model.encode(ctranslate2.StorageView.from_array(batch))

    def _prompt(self, hotwords: tuple[str, ...]) -> list[int]:
        prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        if not hotwords:
            return prompt
        spoken_before = self._tokenizer.encode(" " + ", ".join(hotwords))[:_PROMPT_TOKENS]
        return [self._tokenizer.sot_prev, *spoken_before, *prompt]

    def _generate(self, audio: Samples, window: Window, hotwords: tuple[str, ...]) -> _Generated:
        encoded = self._encode(audio, window)
        prompt = self._prompt(hotwords)
        room = int(len(audio) / RATE * _TOKENS_PER_SECOND) + _SPARE_TOKENS
        (result,) = self._model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=min(_MOST_TOKENS, len(prompt) + room),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [token for token in result.sequences_ids[0] if token < self._tokenizer.eot]
        count = len(result.sequences_ids[0])
        return _Generated(
            encoded=encoded,
            tokens=tokens,
            text=self._tokenizer.decode(tokens).strip(),
            # The score is a mean over the tokens without the end mark; this one counts it too.
            logprob=result.scores[0] * count / (count + 1),
            no_speech=result.no_speech_prob,
        )

    def _words(self, heard: _Generated, samples: int) -> tuple[HeardWord, ...]:
        """Return the words with times, from the attention between text and audio."""
        length = samples / RATE
        (aligned,) = self._model.align(
            heard.encoded,
            self._tokenizer.sot_sequence,
            [heard.tokens],
            min(_WHOLE_WINDOW, math.ceil(length * _MEL_FRAMES_PER_SECOND)),
        )
        text_index, time_index = np.array(aligned.alignments).T
        first = np.flatnonzero(np.diff(text_index, prepend=-1))
        times = time_index[first] * _ENCODER_STEP - _ALIGNMENT_LAG
        times = np.clip(times, 0.0, length)
        pieces, tokens_of = self._tokenizer.split_to_word_tokens(
            [*heard.tokens, self._tokenizer.eot]
        )
        words: list[HeardWord] = []
        token = 0
        for piece in grouped(pieces[:-1], [len(tokens) for tokens in tokens_of[:-1]]):
            after = token + piece.tokens
            words.append(
                HeardWord(
                    word=piece.text,
                    start=float(times[token]),
                    end=float(times[min(token + piece.spoken_tokens, len(times) - 1)]),
                    confidence=float(np.mean(aligned.text_token_probs[token:after])),
                )
            )
            token = after
        return tuple(words)
