"""Recognise a whole recording: by one offline call where it is short, else by a stream.

A session keeps only the last seconds of its audio to replay after a break. Where that is not enough
the file is decoded again, and a new session goes on before the last final word.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from app.asr.errors import AsrError, ErrorCode, Fault
from app.asr.events import Cursor, Transcript
from app.asr.session.coverage import BEGINNING
from app.asr.session.feeding import feeding
from app.asr.session.overlap import last_word
from app.asr.session.reopening import is_passing
from app.asr.session.rules import CallRules
from app.asr.wire.requests import file_request
from app.asr.wire.results import join_finals, offline_transcripts
from app.pcm import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Protocol, TypeVar

    from app.asr.events import FileTranscript
    from app.asr.files.audio import FileAudio
    from app.asr.pool.routes import Routes
    from app.asr.session.session import RecognitionSession
    from app.asr.settings import RivaSettings
    from app.asr.wire.requests import Options

    Answer = TypeVar("Answer")

    TellFinal = Callable[[Transcript], Awaitable[None]]
    MakeSession = Callable[[Options, CallRules, Cursor], RecognitionSession]

    class Retried(Protocol):
        """Makes further attempts of a call where they may help."""

        async def __call__(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
            """Return the answer of the first attempt that succeeds."""


_MS = 1000.0
_ROOM_BYTES: Final = 64
"""Beside audio and configuration in a message."""

_REPLAYED_S: Final = 2.0
"""Before the last final word: inside a word a stream would find another one."""

_MOST_BREAKS: Final = 3
"""Without a final in between; the same audio would break another stream too."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Progress:
    """Finals so far, and where the next stream begins if the one that runs breaks.

    Attributes:
        finals: in order.
        begin: where a stream would go on after the first `kept` of them.
        kept: those that it would not give again.
        breaks: since that place was reached.
        told: of those that are kept, the ones that `untold` has given.
    """

    finals: list[Transcript] = field(default_factory=list)
    begin: Cursor = BEGINNING
    kept: int = 0
    breaks: int = 0
    told: int = 0

    def note(self, final: Transcript) -> None:
        """Add one more."""
        self.finals.append(final)
        begin = final.cursor or _after(final)
        if begin is not None:
            self.begin, self.kept, self.breaks = begin, len(self.finals), 0

    @property
    def is_hopeless(self) -> bool:
        """Whether the same audio has broken enough streams."""
        return self.breaks >= _MOST_BREAKS

    def untold(self, upto: int) -> Sequence[Transcript]:
        """Return the finals up to a number that were not returned before."""
        found = self.finals[self.told : upto]
        self.told = max(self.told, upto)
        return found

    def restart(self) -> None:
        """Drop the finals after `begin`: a stream broke, and the next one gives them again."""
        del self.finals[self.kept :]
        self.breaks += 1


def _after(final: Transcript) -> Cursor | None:
    """Return where a stream goes on after a final, as all audio can be decoded again."""
    if not final.words:
        return None
    covered = final.words[-1].end
    return Cursor(
        position=max(0.0, covered - _REPLAYED_S),
        covered=covered,
        segment_id=final.segment_id + 1,
        again=last_word(final.words),
    )


class FileRecognition:
    """Recognises recordings.

    Args:
        settings: what bounds a call.
        routes: where the recognisers are.
        retried: makes further attempts of a call.
        make_session: makes a session for a recording.
    """

    def __init__(
        self, settings: RivaSettings, routes: Routes, retried: Retried, make_session: MakeSession
    ) -> None:
        self._settings = settings
        self._routes = routes
        self._retried = retried
        self._make_session = make_session
        self._timeout = settings.file_timeout_ms / _MS

    async def run(
        self, audio: FileAudio, options: Options, tell: TellFinal | None = None
    ) -> FileTranscript:
        """Recognise one.

        Args:
            audio: open.
            options: what is asked of the recogniser.
            tell: awaited with each final once it stands: what was told is never taken back, also
                where a stream breaks and audio is heard again.

        Raises:
            AsrError: why it was not.
        """
        if await audio.whole(0) is not None:
            nothing = join_finals((), duration=0.0, warnings=audio.warnings)
            return replace(nothing, language=options.language)
        progress = _Progress()
        finals = await self._in_one_call(audio, options)
        if finals is None:
            await self._by_stream(audio, options, progress, tell)
        else:
            progress.finals.extend(finals)
        await _tell(progress, len(progress.finals), tell)
        heard = join_finals(progress.finals, duration=audio.duration, warnings=audio.warnings)
        listed = self._routes.as_listed(options, streaming=finals is None)
        return replace(heard, language=listed.language)

    async def _in_one_call(
        self, audio: FileAudio, options: Options
    ) -> tuple[Transcript, ...] | None:
        """Recognise by the offline call; None where it cannot be used, or a stream is better."""
        if not await self._serves(options, streaming=False):
            await self._retried(lambda: self._routes.current.check(options.model, streaming=True))
            return None
        has_stream = await self._serves(options, streaming=True)
        pcm = await audio.whole(self._room(options, has_stream=has_stream))
        if pcm is None:
            if has_stream:
                return None
            raise self._too_long(audio, options)
        try:
            return await self._recognize(options, pcm)
        except AsrError as error:
            # Its own limit may be lower, and it does not list it.
            if error.code == ErrorCode.MESSAGE_TOO_LARGE and has_stream:
                return None
            raise

    async def _serves(self, options: Options, *, streaming: bool) -> bool:
        return await self._retried(
            lambda: self._routes.current.serves(options.model, streaming=streaming)
        )

    def _room(self, options: Options, *, has_stream: bool) -> int:
        """Return the most audio in one call: it fits into a message, and may be held for it."""
        around = file_request(self._settings, options, b"").ByteSize() + _ROOM_BYTES
        room: int = self._settings.max_message_bytes - around
        return min(room, self._settings.offline_max_bytes) if has_stream else room

    def _too_long(self, audio: FileAudio, options: Options) -> AsrError:
        most = self._room(options, has_stream=False) / (BYTES_PER_SAMPLE * audio.sample_rate)
        return AsrError(
            ErrorCode.AUDIO_TOO_LONG,
            f"The recording is longer than {most:.0f} s, the most that fits into one message of "
            "RIVA_MAX_MESSAGE_BYTES; the model takes no stream",
            retryable=False,
            fault=Fault.CALLER,
        )

    async def _recognize(self, options: Options, pcm: bytes) -> tuple[Transcript, ...]:
        listed = self._routes.as_listed(options, streaming=False)
        request = file_request(self._settings, listed, pcm)
        response = await self._retried(
            lambda: self._routes.current.recognize(
                request, within=self._timeout, metadata=options.metadata
            )
        )
        finals = await offline_transcripts(
            response,
            duration=len(pcm) / (BYTES_PER_SAMPLE * options.sample_rate),
            word_times=self._settings.enable_word_time_offsets,
        )
        return tuple(finals)

    async def _by_stream(
        self, audio: FileAudio, options: Options, progress: _Progress, tell: TellFinal | None
    ) -> None:
        rules = CallRules(
            sample_rate=audio.sample_rate,
            largest_chunk=self._settings.chunk_size_bytes,
            silence_interval=self._settings.silence_interval_s,
            # Sent as fast as it is taken, so a busy server may be minutes behind and yet be well.
            write_timeout=self._timeout,
            final_timeout=self._timeout,
            interim_interval=0.0,
            interims=False,
            word_times=self._settings.enable_word_time_offsets,
        )
        while not await self._stream_rest(audio, options, rules, progress, tell):
            progress.restart()

    async def _stream_rest(
        self,
        audio: FileAudio,
        options: Options,
        rules: CallRules,
        progress: _Progress,
        tell: TellFinal | None,
    ) -> bool:
        """Stream the rest; False where the session broke and could not replay its audio itself."""
        first = round(progress.begin.position * audio.sample_rate)
        async with aclosing(audio.from_sample(first, rules.largest_chunk)) as chunks:
            session = self._make_session(options, rules, progress.begin)
            try:
                async with session, feeding(session, chunks):
                    async for event in session:
                        if isinstance(event, Transcript):
                            progress.note(event)
                            await _tell(progress, progress.kept, tell)
            except AsrError as error:
                # With all its audio it had what it needed to go on, and gave up for other reasons.
                if session.can_go_on or not is_passing(error) or progress.is_hopeless:
                    raise
                _log.warning("asr_file_heard_again", code=error.code, detail=error.detail)
                return False
        return True


async def _tell(progress: _Progress, upto: int, tell: TellFinal | None) -> None:
    if tell is not None:
        for final in progress.untold(upto):
            await tell(final)
