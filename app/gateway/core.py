"""The gateway: everything its connections share."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import HTTPConnection

from app.asr import DEFAULT_GROUP, RivaASRClient, Route
from app.followed_files import FollowedFiles
from app.gateway.admission.access import AccessPolicy
from app.gateway.admission.clients import Clients, Visitor
from app.gateway.admission.quotas import QuotaRules
from app.gateway.admission.slots import Admission, AdmissionRules
from app.gateway.admission.succession import SessionRegistry
from app.gateway.authentication import Authentication, count_refusal
from app.gateway.identity.identity import Identity, Scope
from app.gateway.identity.keys import Keys
from app.gateway.minting import TokenMint
from app.gateway.readiness import RecognisersReadiness
from app.gateway.resume_token import ResumeBearers, ResumeTokens
from app.gateway.rotation import followed_secrets
from app.gateway.settings.gateway import GatewaySettings, RecognitionMode
from app.gateway.switch import RecognitionSwitch
from app.gateway.telemetry.groups import GroupState
from app.gateway.telemetry.logs import get_logger, mask
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.tracing.starting import tracing_of
from app.gateway.uploads.queue import UploadQueue, UploadRules

if TYPE_CHECKING:
    from app.gateway.tracing.spans import Tracing

_log = get_logger(__name__)


class Drainable(Protocol):
    """A connection, for the drain and the kill switch."""

    @property
    def queued_seconds(self) -> float:
        """Seconds of audio that wait for the recogniser."""

    @property
    def identity(self) -> Identity | None:
        """Whose it is; None where no token was asked for."""

    def revoked(self) -> None:
        """Finalise a running session, and close: its client is not let in any more."""

    def drain(self) -> None:
        """Finalise and close by the times of the drain."""

    def recognition_off(self) -> None:
        """Finalise a running session, and close the connection with it."""

    def recognition_moved(self) -> None:
        """Warn that another recogniser takes a running session over."""


@dataclass(slots=True)
class Totals:
    """Counters since the process started, for clients that ask for them."""

    connections: int = 0
    audio_messages: int = 0
    finals: int = 0


@dataclass(frozen=True, slots=True)
class DrainTimes:
    """The times of a drain, on the monotonic clock.

    Attributes:
        finalise_at: Running sessions are finalised.
        cut_at: Connections are cut; what is not final by then is lost.
    """

    finalise_at: float
    cut_at: float

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds until each, for the answer to a drain request."""
        now = monotonic()
        return {
            "finalise_in": round(max(0.0, self.finalise_at - now), 3),
            "cut_in": round(max(0.0, self.cut_at - now), 3),
        }


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The parts of one gateway.

    Attributes:
        settings: As configured.
        asr: The recogniser.
        metrics: What is measured.
        admission: Counts and limits.
        uploads: The same for uploads.
        readiness: Whether the recognisers can be used.
        access: Who may connect.
        mint: Makes single-use tokens.
        clients: Who is who, for limits by client.
        authentication: Says whose a token is.
        resume: Signs and reads what sessions are resumed with.
        switch: Whether recognition is on.
        sessions: Open connections.
        succession: Which connection a session is on.
        tracing: Records spans; None where traces are off.
        followed: Files that are read again as they change.
        opened: Set once every file was read that decides who is let in.
        drain_times: Set once a drain began.
        drain_begun: The same, to wait for.
        started_at: When the process could first take a connection.
    """

    settings: GatewaySettings
    asr: RivaASRClient
    metrics: GatewayMetrics
    admission: Admission
    uploads: UploadQueue
    readiness: RecognisersReadiness
    access: AccessPolicy
    mint: TokenMint
    clients: Clients
    authentication: Authentication
    resume: ResumeTokens
    version: str
    switch: RecognitionSwitch = field(init=False)
    totals: Totals = field(default_factory=Totals)
    sessions: set[Drainable] = field(default_factory=set)
    succession: SessionRegistry = field(default_factory=SessionRegistry)
    tracing: "Tracing | None" = None
    followed: list[FollowedFiles[Any]] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    drain_times: DrainTimes | None = None
    drain_begun: asyncio.Event = field(default_factory=asyncio.Event)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def build(cls, settings: GatewaySettings, asr: RivaASRClient, version: str) -> "Gateway":
        """Build a gateway; no I/O but reading the token file, and where traces are on their own."""
        metrics = GatewayMetrics(version, settings.app_colour)
        admission = Admission(
            _admission_rules(settings),
            metrics,
            asr.slots,
            groups={
                group: partial(asr.slots, group) for group in asr.groups if group != DEFAULT_GROUP
            },
        )
        authentication = Authentication.build(settings)
        resume = ResumeTokens(settings.resume_keys(), settings.app_resume_window_s)
        gateway = cls(
            settings=settings,
            asr=asr,
            metrics=metrics,
            admission=admission,
            uploads=UploadQueue(_upload_rules(settings, asr.files_at_once), admission, metrics),
            readiness=RecognisersReadiness(asr, settings.app_ready_probe_interval_s, asr.groups),
            access=AccessPolicy(
                authentication.authenticators,
                settings.app_allowed_origins,
                settings.app_allowed_hosts,
                partial(count_refusal, metrics),
                authentication.refusal,
                stand_ins=(authentication.single_use, ResumeBearers(resume)),
                allow_anonymous=settings.lets_anonymous_in,
            ),
            mint=TokenMint(authentication.single_use, settings.app_single_use_per_minute),
            authentication=authentication,
            clients=Clients(settings.app_trusted_proxies, resume.marks),
            resume=resume,
            version=version,
            tracing=tracing_of(settings, metrics, version),
        )
        gateway.switch = RecognitionSwitch(
            settings.app_recognition,
            settings.app_recognition_file,
            can_fall_back=asr.has_fallback,
            act=gateway.switch_recognition,
        )
        asr.credentials.on_key = lambda key: mask([key])
        for name in asr.credentials.certificates():
            ends_at = partial(asr.credentials.ends_at, name)
            metrics.certificate_expiry.labels(name).set_function(ends_at)
        for files in asr.credentials.followed:
            gateway.follow(files)
        for files in () if gateway.tracing is None else gateway.tracing.followed:
            gateway.follow(files)
        for files in followed_secrets(settings, authentication, resume, gateway.end_revoked):
            gateway.follow(files)
        if (word := gateway.switch.file) is not None:
            metrics.watch_files(word.name, lambda: word.problem)
        gateway.recognise(settings.app_recognition)
        if authentication.listed is not None:
            metrics.credentials.watch(authentication.listed.counts)
        if (keys := authentication.keys) is not None:
            metrics.credentials.watch_issuer(lambda: keys.age)
        metrics.endpoints.watch(asr.endpoints)
        metrics.groups.watch(gateway.group_states)
        metrics.retries_in_flight.set_function(lambda: asr.retries().in_flight)
        metrics.retries_waiting.set_function(lambda: asr.retries().waiting)
        metrics.watch_queue(lambda: sum(session.queued_seconds for session in gateway.sessions))
        return gateway

    def follow(self, files: FollowedFiles[Any]) -> None:
        """Have files read before the first connection, and again as they change."""
        self.followed.append(files)
        self.metrics.watch_files(files.name, lambda: files.problem)

    async def authorise(
        self, connection: HTTPConnection, scope: Scope, tokens: Iterable[str] = ()
    ) -> Visitor:
        """Check a request's access and return its client.

        Args:
            connection: The request.
            scope: What it wants to do.
            tokens: Shown beside those of its headers and its address.

        Raises:
            ContractError: As `AccessPolicy.check`, and `bad_request`.
        """
        identity = await self.access.check(connection, scope, tokens)
        return self.clients.visitor(connection, identity)

    @property
    def keys(self) -> Keys | None:
        """The keys of the issuer of tokens; None where there is none."""
        return self.authentication.keys

    def enter(self, session: Drainable) -> None:
        """Add a connection, and tell it what the others were told while it was being opened."""
        self.sessions.add(session)
        if self._is_revoked(session):
            session.revoked()
        if self.drain_times is not None:
            session.drain()

    def _is_revoked(self, session: Drainable) -> bool:
        identity = session.identity
        return identity is not None and self.authentication.refusal(identity) is not None

    def end_revoked(self) -> None:
        """End every connection whose client is not let in any more."""
        ended = [session for session in self.sessions if self._is_revoked(session)]
        for session in ended:
            session.revoked()
        if ended:
            _log.warning("connections of revoked tokens end", connections=len(ended))

    def unready_reasons(self, *, capacity: bool = True) -> list[str]:
        """Return why no session can be admitted now; empty when one can.

        Args:
            capacity: Whether being full counts. It does for a client, and not for the auto scaling
                group, which replaces machines that cannot serve.
        """
        found = self.admission.unready_reasons(capacity=capacity)
        recogniser = self.readiness.unready_reason
        # Neither off nor on the fallback does this machine's own recogniser matter, and no new
        # machine would make the fallback's any better.
        is_own = self.switch.mode is RecognitionMode.ON
        if recogniser is not None and (capacity or is_own):
            found.append(recogniser)
        # A new machine would ask the same issuer.
        if capacity and self.keys is not None and self.keys.problem is not None:
            found.append(f"no keys to check tokens with: {self.keys.problem}")
        return found

    def group_states(self) -> list[GroupState]:
        """Return what is known of each group of recognisers, the default one first."""
        return [
            GroupState(
                name=group,
                languages=self.asr.languages(group),
                models=tuple(dict.fromkeys(one.name for one in self.asr.known_models(group))),
                reason=self.readiness.reason_of(group),
                sessions=self.admission.sessions_of(group),
                slots=self.admission.slots_of(group),
                waiting=self.admission.waiting_for(group),
            )
            for group in self.asr.groups
        ]

    def recognise(self, mode: RecognitionMode) -> None:
        """Switch recognition on, off, or to the fallback.

        Raises:
            ValueError: The fallback is asked for and there is none.
        """
        if mode is RecognitionMode.OFF:
            self.admission.switch_off()
        else:
            self.asr.route(Route.FALLBACK if mode is RecognitionMode.FALLBACK else Route.PRIMARY)
            self.admission.switch_on()
        self.metrics.show_mode(mode)

    def switch_recognition(self, mode: RecognitionMode) -> None:
        """Do as `recognise`, and tell the running sessions."""
        self.metrics.recognition_switches.labels(mode.value).inc()
        route = self.asr.current_route
        self.recognise(mode)
        for session in list(self.sessions):
            if mode is RecognitionMode.OFF:
                session.recognition_off()
            elif self.asr.current_route is not route:
                session.recognition_moved()

    def begin_drain(self) -> DrainTimes:
        """Refuse new sessions and drain every connection; further calls change nothing.

        Returns:
            When the sessions end.
        """
        if self.drain_times is not None:
            return self.drain_times
        now = monotonic()
        cut_at = now + self.settings.app_drain_timeout_s
        finalise_at = min(cut_at, now + self.settings.app_drain_grace_s)
        self.drain_times = DrainTimes(finalise_at=finalise_at, cut_at=cut_at)
        _log.info("draining", connections=len(self.sessions), sessions=self.admission.sessions)
        self.admission.drain()
        self.metrics.draining.set(1)
        for session in list(self.sessions):
            session.drain()
        self.drain_begun.set()
        return self.drain_times


def _admission_rules(settings: GatewaySettings) -> AdmissionRules:
    return AdmissionRules(
        max_connections=settings.ws_max_connections,
        max_sessions=settings.ws_max_concurrent_sessions,
        client_share=settings.ws_client_share,
        upload_share=settings.app_upload_session_share,
        waiting_room=settings.ws_waiting_room,
        quotas=QuotaRules(
            client_sessions=settings.ws_max_sessions_per_client,
            new_per_minute=settings.ws_new_sessions_per_minute,
            client_new_per_minute=settings.ws_client_new_sessions_per_minute,
            client_resumes_per_minute=settings.ws_client_resumes_per_minute,
        ),
    )


def _upload_rules(settings: GatewaySettings, at_once: int) -> UploadRules:
    return UploadRules(
        places=settings.app_max_uploads,
        spool_bytes=settings.upload_spool_bytes,
        audio_s=settings.app_upload_audio_s,
        client_share=settings.app_upload_client_share,
        largest_bytes=settings.max_upload_bytes,
        longest_s=settings.app_max_upload_s,
        wait_s=settings.app_upload_wait_s,
        at_once=at_once,
        speed=settings.app_upload_max_realtime_factor,
    )
