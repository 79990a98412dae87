"""The one way to recognition: a Riva or NIM server over gRPC."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Unpack

from app.asr.errors import AsrError, ErrorCode
from app.asr.events import AS_CONFIGURED, RetryHealth, Route, Spelling, Transcript
from app.asr.files.audio import FileAudio, FileLimits
from app.asr.group import RecogniserGroup
from app.asr.languages import languages_of
from app.asr.model_names import look_up
from app.asr.pool.resolver import SystemResolver
from app.asr.routing import group_for
from app.asr.session.feeding import feeding
from app.asr.settings import DEFAULT_GROUP
from app.asr.wire.credentials import Credentials
from app.asr.wire.requests import SessionOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import BinaryIO

    from app.asr.events import (
        Cursor,
        EndpointHealth,
        FileTranscript,
        Metadata,
        Model,
        Readiness,
        StreamEvent,
    )
    from app.asr.files.recognition import TellFinal
    from app.asr.pool.resolver import Resolver
    from app.asr.session.session import RecognitionSession
    from app.asr.settings import RivaSettings
    from app.asr.wire.requests import StreamOptions
    from app.asr.wire.transport import Transport

_MS = 1000.0


class RivaASRClient:
    """Speech recognition by one or several Riva or NIM servers.

    They stand in groups: the default one, of RIVA_ENDPOINTS, and those of RIVA_GROUPS, each for
    languages of its own. A call goes to the group of its language (`app.asr.routing`).

    Made without I/O, connects when first used, belongs to one event loop. `aclose` when done.

    Args:
        settings: where the recognisers are and what to ask of them.
        transport: to the only recogniser; None takes gRPC to each of the settings' own.
        resolver: looks up the addresses of names; None takes the system's.

    Attributes:
        credentials: what it proves itself with; files that are followed where somebody runs them.
    """

    def __init__(
        self,
        settings: RivaSettings,
        *,
        transport: Transport | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._settings = settings
        lookups = resolver or SystemResolver()
        self.credentials: Final = Credentials(settings)
        own = self.credentials
        self._default = RecogniserGroup(DEFAULT_GROUP, settings, lookups, own, transport)
        self._groups = {
            DEFAULT_GROUP: self._default,
            **{name: RecogniserGroup(name, settings, lookups, own) for name in settings.groups},
        }
        self._file_timeout = settings.file_timeout_ms / _MS
        self._files = asyncio.Semaphore(settings.max_batch_size)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of recognisers, `DEFAULT_GROUP` first; they never change."""
        return tuple(self._groups)

    def group_of(self, options: SessionOptions) -> str:
        """Return the name of the group that a session goes to; makes no call.

        Raises:
            AsrError: INVALID_ARGUMENT: the options name a group that there is not, or no language.
        """
        return self._group(options).name

    def model_of(self, options: SessionOptions) -> str:
        """Return the model that a session asks for; "" where the recogniser chooses.

        Raises:
            AsrError: As `group_of`.
        """
        return self._group(options).model if options.model is None else options.model

    def _group(self, options: SessionOptions) -> RecogniserGroup:
        return group_for(self._groups, options, self._settings.language_code)

    async def check(self, options: SessionOptions) -> str:
        """Refuse what a session cannot ask for, and return the language that it asks for.

        Makes a call only where the model or the language is not on the recogniser's last list: that
        may be from before a restart. A recogniser that cannot be asked, or does not say, is asked
        for the language as it is named.

        Raises:
            AsrError: INVALID_ARGUMENT, or MODEL_UNAVAILABLE with the models or languages there are.
        """
        return await self._group(options).check(options)

    def session(
        self,
        options: SessionOptions,
        *,
        resume: Cursor | None = None,
        unsent_s: float = 0.0,
        send_timeout: float | None = None,
    ) -> RecognitionSession:
        """Make a session, to which audio is pushed; entering it opens the recogniser's stream.

        Args:
            options: what is asked of the recogniser.
            resume: a cursor of an earlier session with the same sample rate: the audio then begins
                at its position, and times and segment ids go on from there. None begins anew.
            unsent_s: seconds of audio that may wait for the recogniser before `send` waits too; 0
                has each `send` wait until the recogniser wants more.
            send_timeout: longest wait in seconds of one `send`; None without end.

        Raises:
            AsrError: INVALID_ARGUMENT, naming what cannot be asked for.
        """
        return self._group(options).session(
            options, resume=resume, unsent_s=unsent_s, send_timeout=send_timeout
        )

    async def stream_transcribe(
        self,
        audio: AsyncIterator[bytes],
        sample_rate: int = 16000,
        enable_partials: bool = True,
        *,
        resume_from: Cursor | None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncGenerator[Transcript]:
        """Yield the transcripts alone of `stream_events`; arguments and errors as there."""
        events = self.stream_events(
            audio, sample_rate, enable_partials, resume_from=resume_from, **options
        )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Transcript):
                    yield event

    async def stream_events(
        self,
        audio: AsyncIterator[bytes],
        sample_rate: int = 16000,
        enable_partials: bool = True,
        *,
        resume_from: Cursor | None = None,
        **options: Unpack[StreamOptions],
    ) -> AsyncGenerator[StreamEvent]:
        """Recognise audio while an iterator gives it: a `session` that is fed from there.

        Chunks go up as they come and at once; when `audio` ends the recogniser is told so, and its
        last finals are yielded before the generator ends. Closing or cancelling the generator ends
        the stream at the server. The iterator stays the caller's: it is not closed here.

        Args:
            audio: PCM16 little-endian mono, in chunks of any length (a sample may be split over
                two).
            sample_rate: as in `SessionOptions`.
            enable_partials: as in `SessionOptions`.
            resume_from: as in `session`.
            **options: as in `SessionOptions`.

        Raises:
            AsrError: see `app.asr.errors`; nothing else comes from the recogniser.
            Exception: whatever `audio` raised, as it is.
        """
        asked = SessionOptions(sample_rate, enable_partials, **options)
        async with self.session(asked, resume=resume_from) as session, feeding(session, audio):
            async for event in session:
                yield event

    def file(
        self,
        audio: bytes | Path | BinaryIO,
        *,
        max_bytes: int | None = None,
        max_duration: float | None = None,
        programs: bool = False,
    ) -> FileAudio:
        """Make a recording for `transcribe_file`, to be entered before as a context manager.

        It shows what the header holds before it is recognised, and how far it is decoded then.

        Args:
            audio: a file's bytes, its path, or an open file that can seek, from where it stands, of
                any kind `app.recordings` decodes. An open file stays the caller's.
            max_bytes: largest file; None takes RIVA_FILE_MAX_BYTES.
            max_duration: longest recording in seconds; None takes RIVA_FILE_MAX_DURATION_S.
            programs: whether ffmpeg may decode what libsndfile does not know.
        """
        own = self._settings
        limits = FileLimits(
            max_bytes=own.file_max_bytes if max_bytes is None else max_bytes,
            max_duration=own.file_max_duration_s if max_duration is None else max_duration,
            programs=programs,
        )
        return FileAudio(audio, limits)

    async def transcribe_file(  # noqa: PLR0913 - one argument for each thing a caller may choose
        self,
        audio: bytes | Path | BinaryIO | FileAudio,
        *,
        hotwords: Sequence[str] = (),
        hotword_boost: float | None = None,
        language: str | None = None,
        model: str | None = None,
        custom_configuration: Mapping[str, str] | None = None,
        request_id: str | None = None,
        group: str | None = None,
        metadata: Metadata = (),
        spelling: Spelling = AS_CONFIGURED,
        max_bytes: int | None = None,
        max_duration: float | None = None,
        tell: TellFinal | None = None,
    ) -> FileTranscript:
        """Recognise a whole recording.

        Uses the offline call where the server lists an offline model and the recording is short
        (RIVA_OFFLINE_MAX_BYTES), else the streaming call, as fast as the server takes it. By the
        streaming call memory does not grow with the recording.

        Args:
            audio: as for `file`, or what that made, which stays open. Several channels are mixed to
                one; the rate is kept where it is 8000 to 48000 Hz.
            hotwords: words or phrases to prefer.
            hotword_boost: how strongly, 0 to 100; None takes RIVA_HOTWORD_BOOST.
            language: BCP 47 code; None takes RIVA_LANGUAGE_CODE.
            model: exact name of a listed model, "" for the recogniser's choice; None takes
                RIVA_MODEL.
            custom_configuration: the model's own settings, added to RIVA_CUSTOM_CONFIGURATION.
            request_id: sent along for the recogniser's logs.
            group: as in `SessionOptions`.
            metadata: as in `SessionOptions`.
            spelling: as in `SessionOptions`.
            max_bytes: largest file; None takes RIVA_FILE_MAX_BYTES.
            max_duration: longest recording in seconds; None takes RIVA_FILE_MAX_DURATION_S.
            tell: awaited with each final as soon as it stands, and never with one that is taken
                back; the same that come in the end.

        Raises:
            AsrError: AUDIO_INVALID, AUDIO_TOO_LARGE, AUDIO_TOO_LONG for the file; see
                `app.asr.errors` for the rest.
        """
        opened: AbstractAsyncContextManager[FileAudio] = (
            nullcontext(audio)
            if isinstance(audio, FileAudio)
            else self.file(audio, max_bytes=max_bytes, max_duration=max_duration)
        )
        async with self._file_slot(), opened as recording:
            asked = SessionOptions(
                recording.sample_rate,
                hotwords=hotwords,
                hotword_boost=hotword_boost,
                language=language,
                model=model,
                custom_configuration=custom_configuration,
                request_id=request_id,
                group=group,
                metadata=metadata,
                spelling=spelling,
            )
            return await self._group(asked).recognise_file(recording, asked, tell)

    @asynccontextmanager
    async def _file_slot(self) -> AsyncIterator[None]:
        """Hold one of RIVA_MAX_BATCH_SIZE slots; wait for one no longer than a file may take."""
        try:
            async with asyncio.timeout(self._file_timeout):
                await self._files.acquire()
        except TimeoutError:
            raise AsrError(
                ErrorCode.RESOURCE_EXHAUSTED,
                "Too many files are waiting to be recognised; try again later.",
                retryable=True,
                detail=f"transcribe file: no slot within {self._file_timeout:g} s",
            ) from None
        try:
            yield
        finally:
            self._files.release()

    async def models(self, group: str = DEFAULT_GROUP) -> tuple[Model, ...]:
        """List the models of a group's recognisers now.

        Raises:
            AsrError: the call failed.
        """
        asked = self._groups[group]
        return await asked.retried(asked.routes.models)

    def known_models(self, group: str = DEFAULT_GROUP) -> tuple[Model, ...]:
        """Return what a group's recognisers listed last, without a call; none before the first."""
        return self._groups[group].known_models

    def model_names(self, wanted: str, group: str = DEFAULT_GROUP) -> tuple[str, ...]:
        """Return the models a name stands for, among those a group listed last; makes no call.

        One, none, or several where it is the beginning of several (`app.asr.model_names`).
        """
        return look_up(wanted, [one.name for one in self.known_models(group)])

    def languages(self, group: str = DEFAULT_GROUP) -> tuple[str, ...]:
        """Return the languages of a group, without a call.

        Those that RIVA_GROUPS names it for; of the default group those that its recognisers listed
        last, or RIVA_LANGUAGE_CODE alone where they did not say any.
        """
        listed = languages_of(self.known_models()) if group == DEFAULT_GROUP else ()
        return listed or self._groups[group].languages

    async def ready(self, group: str = DEFAULT_GROUP) -> Readiness:
        """Probe whether a stream can be opened now, within RIVA_TIMEOUT_MS.

        That is so where one recogniser of the group is ready by HTTP and lists a model that fits,
        and for a group of RIVA_GROUPS one of its languages. Never raises `AsrError`: what is
        missing stands in `Readiness.reason`.
        """
        return await self._groups[group].ready()

    def endpoints(self) -> tuple[EndpointHealth, ...]:
        """Return what is known of each recogniser of every group and route, without a call.

        Which recognisers there are may change where RIVA_ENDPOINTS has names: take them as they
        are each time.
        """
        return tuple(health for one in self._groups.values() for health in one.routes.health())

    def retries(self) -> RetryHealth:
        """Return how many further attempts are made now, and how many wait for their turn.

        Each group has a budget of its own; these are their sums.
        """
        found = [one.routes.budget.health() for one in self._groups.values()]
        return RetryHealth(
            in_flight=sum(one.in_flight for one in found),
            waiting=sum(one.waiting for one in found),
            most=sum(one.most for one in found),
        )

    def slots(self, group: str = DEFAULT_GROUP) -> int | None:
        """Return the streams that a group's well recognisers of the current route take together.

        RIVA_ENDPOINT_STREAMS for each recogniser that is neither ejected nor known to be unready,
        or fewer for one that lately refused a stream (`app.asr.pool.capacity`); 0 where none is
        well. None where that is unknown: RIVA_ENDPOINT_STREAMS is 0 and not every one has refused a
        stream. Streams of other gateways at the same recognisers are not counted.
        """
        return self._groups[group].routes.current.slots()

    @property
    def files_at_once(self) -> int:
        """Files that are recognised at the same time; one more waits (RIVA_MAX_BATCH_SIZE)."""
        return self._settings.max_batch_size

    @property
    def has_fallback(self) -> bool:
        """Whether RIVA_FALLBACK_ENDPOINTS names a recogniser."""
        return self._default.routes.has_fallback

    @property
    def current_route(self) -> Route:
        """Where new calls of the default group go."""
        return self._default.routes.route

    def route(self, route: Route) -> None:
        """Send the default group's calls over that route and move running streams to it at once.

        A stream whose audio cannot be replayed (`docs/reliability.md`) moves at its next final.
        The groups of RIVA_GROUPS have no fallback and go on as they are.

        Raises:
            ValueError: it is the fallback, and RIVA_FALLBACK_ENDPOINTS is empty.
        """
        self._default.routes.switch(route)

    async def aclose(self) -> None:
        """End every stream and connection."""
        await asyncio.gather(*(one.aclose() for one in self._groups.values()))
