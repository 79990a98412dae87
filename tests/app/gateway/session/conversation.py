"""What a client may hear, in which order: the protocol's invariants, message by message.

`docs/reliability.md` lists them. Nothing here knows how the gateway works.
"""

from dataclasses import dataclass, field
from typing import Any

from app.contract import ERRORS, ErrorCode
from tests.app.gateway.session.words import Words
from tests.support.memory_recogniser import WORD_S

CLOSE = 0.0011
"""Seconds are rounded to milliseconds."""


_ANSWERS_TO_OTHERS = {
    ErrorCode.AUDIO_BEFORE_START,
    ErrorCode.SESSION_ACTIVE,
    ErrorCode.NO_ACTIVE_SESSION,
    ErrorCode.INVALID_JSON,
    ErrorCode.INVALID_MESSAGE,
    ErrorCode.UNKNOWN_MESSAGE_TYPE,
}
"""Errors that say nothing about a start that waits."""


@dataclass
class Talk:
    """One session over all its connections, as its client remembers it.

    Attributes:
        resumable: Whether it can go on after a break.
        heard: The words of its finals, by number.
        settled: Seconds before which its finals cover everything.
        token: The newest one.
        position: What belongs to it.
        session_id: As the gateway said.
    """

    resumable: bool
    heard: list[int] = field(default_factory=list)
    settled: float = 0.0
    token: str | None = None
    position: float = 0.0
    session_id: str | None = None


class Conversation:
    """One connection as its client hears it.

    Attributes:
        talk: The session that was asked for.
        asked: Whether a start was sent and is neither begun nor refused.
        waiting: Whether it waits for a place.
        stopping: Whether a stop was sent.
        running: Whether the client was told that it runs.
        sent: Words of audio sent on this connection for the talk.
        owed: Finalizes that are not answered.
        beats: Whether heartbeats were asked for.
        code: Close code that the last error announces; None while the connection is open.
    """

    def __init__(self, words: Words) -> None:
        self.words = words
        self.talk: Talk | None = None
        self.asked = self.running = self.waiting = self.stopping = False
        self.sent = 0
        self.owed = 0
        self.code: int | None = None
        self._begun_at = 0.0
        self._segment = 0
        self.beats = False
        self._received = self._recognised = 0.0
        self._is_greeted = False

    @property
    def taken(self) -> float:
        """Seconds of the session's audio that were sent."""
        return self._begun_at + self.sent * WORD_S

    def ask(self, talk: Talk, *, beats: bool) -> None:
        """A start is sent."""
        self.talk = talk
        self.beats = beats
        self.sent = 0
        self.waiting = self.running = self.stopping = False
        self.asked = True

    def hear(self, message: dict[str, Any]) -> None:
        """Check one message."""
        kind = message["type"]
        assert self.code is None, f"{kind} after the terminal error"
        assert self._is_greeted == (kind != "connection")
        self._is_greeted = True
        if kind == self.words.started:
            self._started(message)
        elif kind == self.words.stopped:
            self._stopped(message)
        elif kind == "error":
            self._error(message)
        elif kind == "queued":
            assert not self.running
            self.waiting = True
        elif kind in {"partial", "transcription", "heartbeat", "finalized"}:
            assert self.running, f"{kind} outside a session"
            getattr(self, f"_{kind}")(message)

    def _started(self, message: dict[str, Any]) -> None:
        assert self.talk is not None
        assert not self.running
        resumed = message["resumed"]
        self._begun_at = 0.0 if resumed is None else resumed["position"]
        self._segment = 0 if resumed is None else resumed["segment_id"]
        assert self._begun_at == (self.talk.position if self.talk.token else 0.0)
        if self.talk.session_id is not None and resumed is not None:
            assert message["session_id"] == self.talk.session_id
        self.talk.session_id = message["session_id"]
        self._received = self._recognised = self._begun_at
        self.running, self.waiting, self.asked = True, False, False

    def _partial(self, message: dict[str, Any]) -> None:
        assert message["segment_id"] == self._segment

    def _transcription(self, message: dict[str, Any]) -> None:
        assert self.talk is not None
        assert message["segment_id"] == self._segment
        self._segment += 1
        numbers = [int(word.removeprefix("w")) for word in message["text"].split()]
        first = len(self.talk.heard)
        assert numbers == list(range(first, first + len(numbers))), "a word is lost or said twice"
        self.talk.heard += numbers
        self.talk.settled = len(self.talk.heard) * WORD_S
        self._point(message["resume"])

    def _point(self, point: dict[str, Any] | None) -> None:
        assert self.talk is not None
        if not self.talk.resumable:
            assert point is None
            return
        assert point is not None
        assert self.talk.position <= point["position"] <= self.talk.settled + CLOSE
        self.talk.position, self.talk.token = point["position"], point["token"]

    def _heartbeat(self, message: dict[str, Any]) -> None:
        assert self.beats
        received, recognised = message["audio_received"], message["audio_recognised"]
        assert self._received <= received <= self.taken + CLOSE
        assert self._recognised <= recognised <= received + CLOSE
        assert abs(message["queued"] - (received - recognised)) < 2 * CLOSE
        self._received, self._recognised = received, recognised
        self._point(message["resume"])

    def _finalized(self, message: dict[str, Any]) -> None:
        assert self.talk is not None
        assert self.owed > 0, "an answer that nobody asked for"
        self.owed -= 1
        assert self.talk.settled <= message["position"] + CLOSE
        assert message["position"] <= self.taken + CLOSE

    def _stopped(self, message: dict[str, Any]) -> None:
        assert self.running or self.waiting
        assert self.talk is not None
        assert self.owed == 0, "a finalize was never answered"
        if self.running:
            segments = message.get("segments", message.get("total_segments"))
            assert segments == self._segment
            assert len(self.talk.heard) == round(self.taken / WORD_S), "words were left out"
            assert abs(message[self.words.duration] - self.taken) < CLOSE
        self.running = self.waiting = self.asked = False

    def _error(self, message: dict[str, Any]) -> None:
        code = ErrorCode(message["code"])
        close = ERRORS[code].close_code
        ends = close is not None or code is ErrorCode.ASR_REJECTED
        if ends and self.running:
            self._check_lost(message["lost"])
        else:
            assert message["lost"] is None
        if ends:
            self.running, self.owed = False, 0
        if code not in _ANSWERS_TO_OTHERS:
            self.asked = self.waiting = False
        if close is not None:
            self.code = int(close)

    def _check_lost(self, lost: dict[str, float] | None) -> None:
        assert self.talk is not None
        left = self.taken - max(self.talk.settled, self._begun_at)
        if lost is None:
            assert left < CLOSE, "audio was lost and nobody said so"
        else:
            assert abs(lost["start"] - max(self.talk.settled, self._begun_at)) < CLOSE
            assert abs(lost["end"] - self.taken) < CLOSE
