"""One group of recognisers: those that serve the same models, for the same languages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from app.asr.errors import AsrError
from app.asr.files.recognition import FileRecognition
from app.asr.languages import language_named, languages_of, listed_language, lookup
from app.asr.pool.models import fitting
from app.asr.pool.opener import LeaseOpener
from app.asr.pool.retries import with_retries
from app.asr.pool.routes import routes_of
from app.asr.session.coverage import BEGINNING, checked
from app.asr.session.rules import call_rules, session_rules
from app.asr.session.session import RecognitionSession
from app.asr.settings import DEFAULT_GROUP
from app.asr.wire.requests import join_options, opening_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Cursor, FileTranscript, Model, Readiness
    from app.asr.files.audio import FileAudio
    from app.asr.files.recognition import TellFinal
    from app.asr.pool.lease import EndpointLease
    from app.asr.pool.resolver import Resolver
    from app.asr.session.rules import CallRules
    from app.asr.settings import RivaSettings
    from app.asr.wire.credentials import Credentials
    from app.asr.wire.requests import Options, SessionOptions
    from app.asr.wire.transport import Transport

Answer = TypeVar("Answer")

_MS = 1000.0
# Seconds a recogniser has at least to give a result for audio that was sent to it all at once.
_PATIENCE_S = 10.0


class RecogniserGroup:
    """The recognisers of one group, and what is asked of them.

    Args:
        name: of RIVA_GROUPS, or `DEFAULT_GROUP`.
        settings: of every group.
        resolver: looks up the addresses of names.
        credentials: what this side proves itself with.
        transport: to the only recogniser; None takes gRPC to each of the settings' own.

    Attributes:
        name: as given.
        languages: those that calls are sent here for; the first is meant where none is named.
        model: what is asked for where a caller names none.
        routes: to the recognisers, and those to fall back to.
    """

    def __init__(
        self,
        name: str,
        settings: RivaSettings,
        resolver: Resolver,
        credentials: Credentials,
        transport: Transport | None = None,
    ) -> None:
        groups = settings.groups
        self.name = name
        self.languages: tuple[str, ...] = (
            groups[name].languages if name != DEFAULT_GROUP else (settings.language_code,)
        )
        self._settings = own = settings.of_group(name)
        self.model = own.model
        named = [
            settings.language_code,
            *(one for group in groups.values() for one in group.languages),
        ]
        elsewhere = [one for one in named if one not in self.languages]
        self._elsewhere = elsewhere
        self.routes = routes_of(
            own, transport, resolver, credentials, group=name, elsewhere=elsewhere
        )
        self._timeout = own.timeout_ms / _MS
        self._file_recognition = FileRecognition(
            own, self.routes, self.retried, self._session_for_file
        )

    def _joined(self, asked: SessionOptions) -> Options:
        """Fill in what is left open; a language is asked for by the tag this group is named for."""
        options = join_options(self._settings, asked)
        if self.name == DEFAULT_GROUP:
            return options
        tag = lookup(options.language, self.languages, self._settings.language_code)
        return options if tag is None else replace(options, language=tag)

    async def check(self, asked: SessionOptions) -> str:
        """Refuse what a session cannot ask for here, as `RivaASRClient.check`."""
        return (await self.routes.check_anew(self._joined(asked))).language

    def session(
        self,
        asked: SessionOptions,
        *,
        resume: Cursor | None,
        unsent_s: float,
        send_timeout: float | None,
    ) -> RecognitionSession:
        """Make a session, as `RivaASRClient.session`."""
        settings = self._settings
        options = self._joined(asked)
        call = call_rules(settings, options, interims=asked.enable_partials)
        rules = session_rules(
            settings, call, patience_s=_PATIENCE_S, unsent_s=unsent_s, send_timeout=send_timeout
        )
        leases = self._leases(options, call)

        async def open_first() -> EndpointLease:
            await self.retried(lambda: self.routes.current.check(options.model, streaming=True))
            return await self.retried(leases.open)

        begin = BEGINNING if resume is None else checked(resume)
        explained = partial(language_named, options.language, self.routes.models, self._elsewhere)
        return RecognitionSession(open_first, leases.reopen, rules, begin, explained)

    def _leases(self, options: Options, call: CallRules) -> LeaseOpener:
        def make_request() -> riva_asr_pb2.StreamingRecognizeRequest:
            listed = self.routes.as_listed(options, streaming=True)
            return opening_request(self._settings, listed, interims=call.interims)

        return LeaseOpener(self.routes, make_request, self._timeout, options.metadata)

    def _session_for_file(
        self, options: Options, call: CallRules, begin: Cursor
    ) -> RecognitionSession:
        """Make a session that nobody waits for: what it lets go can be decoded again."""
        leases = self._leases(options, call)
        rules = session_rules(self._settings, call, patience_s=0.0)
        return RecognitionSession(partial(self.retried, leases.open), leases.reopen, rules, begin)

    async def recognise_file(
        self, recording: FileAudio, asked: SessionOptions, tell: TellFinal | None = None
    ) -> FileTranscript:
        """Recognise a recording that is open; `tell` is awaited with each final that stands.

        Raises:
            AsrError: why it was not.
        """
        options = self._joined(asked)
        async with language_named(options.language, self.routes.models, self._elsewhere):
            return await self._file_recognition.run(recording, options, tell)

    async def retried(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make further attempts of a call that met a passing error, within the group's budget."""
        return await with_retries(
            attempt,
            retries=self._settings.max_retries,
            first_wait_s=self._settings.retry_delay_ms / _MS,
            budget=self.routes.budget,
        )

    async def ready(self) -> Readiness:
        """Probe whether a stream of one of its languages can be opened now."""
        found = await self.routes.current.ready(model=self.model, within=self._timeout)
        if not found.ready or self.name == DEFAULT_GROUP:
            return found
        serving = fitting(found.models, self.model, streaming=True)
        if any(self._has(language, serving) for language in self.languages):
            return found
        reason = f"the recogniser lists {_named(languages_of(serving))}, and this group is for "
        return replace(found, ready=False, reason=reason + _named(self.languages))

    def _has(self, language: str, serving: Sequence[Model]) -> bool:
        try:
            listed_language(language, serving, language)
        except AsrError:
            return False
        return True

    @property
    def known_models(self) -> tuple[Model, ...]:
        """What its well recognisers listed last."""
        return self.routes.current.known_models

    async def aclose(self) -> None:
        """End every stream and connection."""
        await self.routes.aclose()


def _named(languages: Sequence[str]) -> str:
    return ", ".join(languages)
