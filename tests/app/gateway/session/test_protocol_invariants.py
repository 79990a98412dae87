"""The session as a whole, in many orders of events, against the invariants of the protocol.

The wire and the recogniser are in memory, so that an order can be chosen and repeated; what a real
socket and a real stream add is tested elsewhere. Time is not part of it: nothing here waits.
"""

import asyncio
import json
from typing import TYPE_CHECKING, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.settings.gateway import RecognitionMode
from tests.app.gateway.session.conversation import Talk
from tests.app.gateway.session.invariant_connection import MAX_SESSIONS, SETTINGS, Connection
from tests.app.gateway.session.words import A, B, Words
from tests.support.memory_recogniser import (
    WORD_S,
    MemoryRecogniser,
    audio_of,
)

if TYPE_CHECKING:
    from app.asr import RivaASRClient

MAX_CONNECTIONS = 4
_PASSES = 60
"""Turns of the event loop after which everything that follows from one event has happened."""


JUNK = (
    "{",
    "[]",
    '{"type": "no such type"}',
    '{"type": 7}',
    '{"type": "start_transcription", "channels": 3}',
    '{"type": "start_recording", "config": {"resume": 1}}',
    '{"type": "ping"}',
    bytes(7),
)


class ProtocolMachine(RuleBasedStateMachine):
    """Clients that keep to the contract, and some that do not, at one gateway after another."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.recogniser = MemoryRecogniser()
        self.connections: list[Connection] = []
        self.broken: list[Talk] = []
        self.gateways: list[Gateway] = []
        self.gateway = self.loop.run_until_complete(self._new_gateway())

    async def _new_gateway(self) -> Gateway:
        gateway = Gateway.build(SETTINGS, cast("RivaASRClient", self.recogniser), "0")
        await gateway.readiness.refresh()
        self.gateways.append(gateway)
        return gateway

    def _settle(self) -> None:
        async def settle() -> None:
            for _ in range(_PASSES):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())
        for connection in list(self.connections):
            connection.catch_up()
            said, recogniser = connection.said, self.recogniser
            if said.running and connection.stream is None:
                connection.stream = recogniser.streams[-1]
            if not said.running:
                connection.stream = None
            if connection.is_over:
                self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """The client remembers what it can resume."""
        self.connections.remove(connection)
        talk = connection.said.talk
        if talk is not None and talk.resumable and talk.token and not connection.said.stopping:
            self.broken.append(talk)

    def _pick(self, at: int, *, running: bool | None = None) -> Connection | None:
        fitting = [
            connection
            for connection in self.connections
            if connection.reads and running in {None, connection.said.running}
        ]
        return fitting[at % len(fitting)] if fitting else None

    def _running(self, at: int) -> Connection | None:
        """A session; where none runs one is begun or gone on with: no step shall be wasted."""
        found = self._pick(at, running=True)
        if found is None:
            if len(self.connections) < MAX_CONNECTIONS:
                self.connect(A if at % 2 else B, waits=False)
            self.start(at, resumable=at % 3 > 0, heartbeat=None, goes_on=True)
            found = self._pick(at, running=True)
        return found

    def _waiting(self) -> Connection | None:
        return next((each for each in self.connections if each.said.waiting and each.reads), None)

    def _send(self, connection: Connection, kind: str, options: dict[str, object]) -> None:
        is_a = connection.words is A
        message = {"type": kind, **(options if is_a or not options else {"config": options})}
        connection.socket.say(json.dumps(message))
        self._settle()

    # What clients do

    @initialize()
    def open_up(self) -> None:
        self.connect(A, waits=True)
        self.connect(B, waits=True)

    @precondition(lambda self: len(self.connections) < MAX_CONNECTIONS)
    @rule(words=st.sampled_from([A, B]), waits=st.booleans())
    def connect(self, words: Words, waits: bool) -> None:
        async def begin() -> Connection:
            return Connection(self.gateway, words, waits=waits)

        self.connections.append(self.loop.run_until_complete(begin()))
        self._settle()

    @precondition(lambda self: self._pick(0, running=False) is not None)
    @rule(
        at=st.integers(0, 9),
        resumable=st.booleans(),
        heartbeat=st.sampled_from([None, 60]),
        goes_on=st.booleans(),
    )
    def start(self, at: int, resumable: bool, heartbeat: int | None, goes_on: bool) -> None:
        connection = self._pick(at, running=False)
        if connection is None or connection.said.asked:
            return
        talk = Talk(resumable)
        if goes_on and self.broken:
            talk = self.broken.pop()
        connection.is_ended = False
        connection.said.ask(talk, beats=heartbeat is not None or talk.resumable)
        options: dict[str, object] = {"resumable": talk.resumable}
        if heartbeat is not None:
            options["heartbeat"] = heartbeat
        if talk.token is not None:
            options["resume"] = talk.token
        self._send(connection, connection.words.start, options)

    @rule(
        at=st.integers(0, 9),
        counts=st.lists(st.integers(1, 7), min_size=1, max_size=4),
        cut=st.integers(1, 3199),
    )
    def audio(self, at: int, counts: list[int], cut: int) -> None:
        connection = self._running(at)
        for count in counts if connection is not None else ():
            self._speak(connection, count, cut)

    @rule(at=st.integers(0, 9), count=st.integers(1, 7))
    def audio_of_a_client_that_does_not_read(self, at: int, count: int) -> None:
        deaf = [
            each
            for each in self.connections
            if each.said.running and not (each.reads or each.is_ended)
        ]
        if deaf:
            self._speak(deaf[at % len(deaf)], count, 1)

    def _speak(self, connection: Connection | None, count: int, cut: int) -> None:
        if connection is None or connection.said.stopping or not connection.said.running:
            return
        self._put(connection, count, cut)
        self._settle()

    def _put(self, connection: Connection, count: int, cut: int) -> None:
        first = round(connection.said.taken / WORD_S)
        connection.said.sent += count
        pcm = audio_of(first, first + count)
        for piece in (pcm[:cut], pcm[cut:]):
            connection.socket.say(piece)

    @rule(at=st.integers(0, 9), times=st.integers(1, 3), before=st.integers(0, 4))
    def finalize(self, at: int, times: int, before: int) -> None:
        connection = self._running(at)
        if connection is None or connection.said.stopping:
            return
        if before:
            # Not settled: it still waits in the queue when the finalize comes.
            self._put(connection, before, 1)
        connection.said.owed += times
        for _ in range(times):
            connection.socket.say('{"type": "finalize"}')
        self._settle()
        assert connection.said.owed == 0 or connection.is_over
        if not connection.is_over:
            # Everything that was sent before it is final.
            assert connection.said.talk is not None
            assert len(connection.said.talk.heard) == round(connection.said.taken / WORD_S)

    @rule(at=st.integers(0, 9))
    def stop(self, at: int) -> None:
        connection = self._running(at) if at % 3 else self._waiting() or self._pick(at)
        if connection is not None:
            connection.said.stopping = connection.said.running or connection.said.waiting
            self._send(connection, connection.words.stop, {})
            assert not connection.said.running
            assert not connection.said.waiting

    @precondition(lambda self: self._pick(0) is not None)
    @rule(at=st.integers(0, 9), text=st.sampled_from(JUNK))
    def nonsense(self, at: int, text: str | bytes) -> None:
        connection = self._pick(at)
        assert connection is not None
        if isinstance(text, bytes) and connection.said.running:
            return  # In a session that is audio, and no nonsense.
        heard = len(connection.socket.heard)
        connection.socket.say(text)
        self._settle()
        answers = {each["type"] for each in connection.socket.heard[heard:]}
        assert answers <= {"error", "warning", "pong", "metrics", "configured", "partial"}
        assert isinstance(text, bytes) or len(answers) == 1
        assert not connection.is_over

    @precondition(lambda self: self._pick(0) is not None)
    @rule(at=st.integers(0, 9), token=st.sampled_from(["nonsense", "a.b", "."]))
    def start_with_a_false_token(self, at: int, token: str) -> None:
        connection = self._pick(at)
        assert connection is not None
        heard = len(connection.socket.heard)
        busy = connection.said.running or connection.said.waiting
        self._send(connection, connection.words.start, {"resume": token})
        expected = ErrorCode.SESSION_ACTIVE if busy else ErrorCode.RESUME_REJECTED
        assert [each.get("code") for each in connection.socket.heard[heard:]] == [expected]

    @precondition(lambda self: self.connections)
    @rule(at=st.integers(0, 9))
    def stop_reading_or_go_on(self, at: int) -> None:
        connection = self.connections[at % len(self.connections)]
        connection.reads = not connection.reads
        connection.socket.read(on=connection.reads)
        self._settle()

    @precondition(lambda self: self.connections)
    @rule(at=st.integers(0, 9), code=st.sampled_from([1000, 1006, 1007]))
    def leave(self, at: int, code: int) -> None:
        connection = self.connections[at % len(self.connections)]
        if code == CloseCode.INVALID_DATA:
            connection.socket.fail(ContractError(ErrorCode.INVALID_UTF8), code)
        else:
            connection.socket.leave(code)
        self._settle()

    # What the recogniser and the operator do

    @rule(at=st.integers(0, 9), what=st.sampled_from(["break", "break", "refuse", "fail", "end"]))
    def the_recogniser_goes_wrong(self, at: int, what: str) -> None:
        connection = self._running(at)
        if connection is not None and connection.stream is not None:
            connection.stream.do(what)
            self._settle()

    @rule(mode=st.sampled_from(list(RecognitionMode)))
    def switch(self, mode: RecognitionMode) -> None:
        self.gateway.switch_recognition(mode)
        self._settle()
        if mode is RecognitionMode.OFF:
            self._end_all()
            assert not any(each.said.running and each.reads for each in self._here())
            self.gateway.switch_recognition(RecognitionMode.ON)

    @precondition(lambda self: len(self.gateways) < 4)
    @rule()
    def drain(self) -> None:
        """The gateway goes, another one is there: clients go on at that one."""

        async def go() -> None:
            self.gateway.begin_drain()

        self.loop.run_until_complete(go())
        self._end_all()
        self._settle()
        assert not any(each.reads for each in self._here())
        self.gateway = self.loop.run_until_complete(self._new_gateway())

    def _end_all(self) -> None:
        for connection in self._here():
            connection.is_ended = True

    def _here(self) -> list[Connection]:
        return [each for each in self.connections if each.gateway is self.gateway]

    # What always holds

    @invariant()
    def places_are_taken_by_those_who_have_them(self) -> None:
        here = self._here()
        if all(each.reads for each in here):
            admission = self.gateway.admission
            assert admission.sessions == sum(each.said.running for each in here) <= MAX_SESSIONS
            assert admission.waiting == sum(each.said.waiting for each in here)
            assert admission.connections == len(self.gateway.sessions) == len(here)

    @invariant()
    def no_task_outlives_what_it_was_for(self) -> None:
        # The connection and its keeper; the session's results, and its heartbeats; or the wait for
        # a place.
        said = [each.said for each in self.connections]
        if all(each.reads for each in self.connections):
            expected = sum(2 + one.running * (1 + one.beats) + one.waiting for one in said)
            assert len(asyncio.all_tasks(self.loop)) == expected

    def teardown(self) -> None:
        for connection in self.connections:
            connection.socket.leave(1001)
        self._settle()
        try:
            for gateway in self.gateways:
                assert not gateway.sessions
                assert gateway.admission.connections == 0
                assert gateway.admission.sessions == 0
                assert gateway.admission.waiting == 0
            assert not any(stream.is_open for stream in self.recogniser.streams)
            assert not asyncio.all_tasks(self.loop)
        finally:
            self.loop.close()


TestProtocol = ProtocolMachine.TestCase
TestProtocol.settings = settings(max_examples=40, stateful_step_count=30)
