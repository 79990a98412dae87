"""Which uploads get a session, which wait, which are refused: decided without any I/O.

That the answers reach a client is shown in `test_reception.py`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.quotas import QuotaRules
from app.gateway.admission.slots import Admission, AdmissionRules
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.telemetry.uploads import UploadCounts
from app.gateway.uploads.queue import QueuedUpload, UploadQueue, UploadRules

if TYPE_CHECKING:
    from app.gateway.admission.waiting_room import Ticket

ANN, BEN, CYD = b"ann", b"ben", b"cyd"


class Setup:
    """A gateway's admission and its uploads; time stands still."""

    def __init__(
        self,
        sessions: int = 10,
        quotas: QuotaRules | None = None,
        **rules: float,
    ) -> None:
        self.capacity: int | None = None
        self.metrics = GatewayMetrics("0")
        allowed = AdmissionRules(
            max_connections=100,
            max_sessions=sessions,
            upload_share=rules.pop("upload_share", 1.0),
            quotas=quotas or QuotaRules(),
        )
        self.admission = Admission(allowed, self.metrics, lambda: self.capacity)
        defaults: dict[str, float] = {
            "places": 10,
            "spool_bytes": 1000,
            "audio_s": 1000.0,
            "client_share": 1.0,
            "largest_bytes": 100,
            "longest_s": 100.0,
            "wait_s": 0.0,
            "at_once": 100,
        }
        self.uploads = UploadQueue(
            UploadRules(**{**defaults, **rules}),  # type: ignore[arg-type]
            self.admission,
            self.metrics,
            lambda: 0.0,
        )

    def queue(self, client: bytes = ANN, seconds: float = 1.0) -> QueuedUpload:
        return self.uploads.queue(client, seconds)


def refusal(call: Callable[[], object]) -> ContractError:
    with pytest.raises(ContractError) as refused:
        call()
    return refused.value


def reason(turn: QueuedUpload) -> str:
    assert turn.ticket is None
    assert turn.reason is not None
    return f"{turn.reason.code.value}: {turn.reason.sentence}"


def test_an_upload_has_a_place_from_its_first_byte_and_one_client_only_a_share_of_them() -> None:
    setup = Setup(places=3, client_share=0.7)
    ann, ben = Visitor(ANN), Visitor(BEN)
    with setup.uploads.slot(ann), setup.uploads.slot(ann):
        own = refusal(setup.uploads.slot(ann).__enter__)
        assert own.sentence == "This client's uploads are at their limit: 2 at once"
        with setup.uploads.slot(ben):
            full = refusal(setup.uploads.slot(Visitor(CYD)).__enter__)
            assert full.sentence == "Uploads are at their limit: 3 at once"
    assert (own.spec.http_status, full.spec.http_status) == (429, 503)
    assert own.retry_after_s
    assert full.retry_after_s
    assert setup.uploads.counts() == UploadCounts()
    for error in (own, full):
        labels = {"at": "upload", "code": error.code.value}
        value = setup.metrics.registry.get_sample_value("perch_admission_refused_total", labels)
        assert value == 1


def test_room_on_disk_grows_and_shrinks_and_ends_with_the_place() -> None:
    setup = Setup(spool_bytes=150, client_share=0.1, largest_bytes=100)
    with setup.uploads.slot(Visitor(ANN)) as first, setup.uploads.slot(Visitor(BEN)) as second:
        first.hold(100)
        assert refusal(lambda: first.hold(101)).code is ErrorCode.TOO_MANY_CLIENT_UPLOADS
        assert refusal(lambda: second.hold(51)).code is ErrorCode.TOO_MANY_UPLOADS
        assert setup.uploads.counts().spool_bytes == 100
        first.hold(40)
        second.hold(51)
        assert setup.uploads.counts().spool_bytes == 91
    assert setup.uploads.counts() == UploadCounts()


def test_uploads_use_a_share_of_the_sessions_and_one_at_least() -> None:
    setup = Setup(sessions=10, upload_share=0.5)
    turns = [setup.queue() for _ in range(6)]
    assert [turn.ticket is not None for turn in turns] == [True] * 5 + [False]
    assert reason(turns[5]) == "too_many_uploads: Uploads are at their limit: 5 sessions"
    setup.uploads.leave(turns[0])
    assert turns[5].ticket is not None
    single = Setup(sessions=1, upload_share=0.0)
    assert single.queue().ticket is not None


def test_uploads_use_no_more_sessions_than_files_are_recognised_at_once() -> None:
    setup = Setup(at_once=2)
    turns = [setup.queue() for _ in range(3)]
    assert [turn.ticket is not None for turn in turns] == [True, True, False]
    assert reason(turns[2]) == "too_many_uploads: Uploads are at their limit: 2 sessions"


def test_one_clients_uploads_leave_sessions_to_others() -> None:
    setup = Setup(at_once=4, client_share=0.5)
    turns = [setup.queue(client) for client in (ANN, ANN, ANN, BEN, CYD)]
    assert [turn.ticket is not None for turn in turns] == [True, True, False, True, True]
    assert reason(turns[2]) == (
        "too_many_client_uploads: This client's uploads are at their limit: 2 sessions"
    )


async def test_all_recordings_together_are_heard_at_a_bounded_speed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    monkeypatch.setattr("app.gateway.uploads.queue.asyncio.sleep", sleep)
    setup = Setup(speed=100.0)
    for seconds in (20.0, 30.0, 50.0, 50.0):
        await setup.uploads.keep_pace(seconds)
    # Half a second's worth of them at once; who comes then waits for its own and those before it.
    assert slept == [0.5, 1.0]
    free = Setup()
    await free.uploads.keep_pace(1e9)
    assert len(slept) == 2


def test_a_recording_that_is_longer_than_it_said_takes_its_part_of_the_audio() -> None:
    setup = Setup(audio_s=200.0)
    liar, honest = setup.queue(ANN, 1.0), setup.queue(BEN, 100.0)
    setup.uploads.hold(liar, 0.5)
    assert setup.uploads.counts().audio_s == 101
    setup.uploads.hold(liar, 10.5)
    assert setup.uploads.counts().audio_s == 171
    error = refusal(lambda: setup.uploads.hold(liar, 72.0))
    assert error.sentence == "Uploads are at their limit: 200 s of audio being recognised"
    for turn in (liar, honest):
        setup.uploads.leave(turn)
    assert setup.uploads.counts() == UploadCounts()


@pytest.mark.parametrize(("sessions", "kept"), [(1, 0), (2, 1), (4, 1), (10, 1), (50, 5)])
def test_the_last_sessions_are_the_speakers(sessions: int, kept: int) -> None:
    setup = Setup(sessions=sessions)
    while setup.queue().ticket is not None:
        pass
    assert setup.admission.free_sessions == kept
    assert sum(setup.admission.queue(Visitor(BEN)).is_admitted for _ in range(kept)) == kept


def test_uploads_are_served_in_order_and_a_large_one_is_not_overtaken() -> None:
    setup = Setup(audio_s=100.0)
    first, large, small = setup.queue(ANN, 60.0), setup.queue(BEN, 60.0), setup.queue(CYD, 1.0)
    assert first.ticket is not None
    said = "too_many_uploads: Uploads are at their limit: 100 s of audio being recognised"
    assert (reason(large), reason(small)) == (said, said)
    setup.uploads.leave(first)
    assert large.ticket is not None
    assert small.ticket is not None


def test_whom_its_own_limit_holds_back_lets_others_pass() -> None:
    setup = Setup(audio_s=500.0, client_share=0.2, at_once=10)
    turns = [setup.queue(ANN, 60.0), setup.queue(ANN, 60.0), setup.queue(BEN, 60.0)]
    assert [turn.ticket is not None for turn in turns] == [True, False, True]
    assert reason(turns[1]) == (
        "too_many_client_uploads: This client's uploads are at their limit: "
        "100 s of audio being recognised"
    )
    other = Setup(quotas=QuotaRules(client_sessions=1))
    turns = [other.queue(ANN), other.queue(ANN), other.queue(BEN)]
    assert [turn.ticket is not None for turn in turns] == [True, False, True]
    assert reason(turns[1]).startswith("too_many_client_sessions: ")


@pytest.mark.parametrize(
    ("close", "code"),
    [
        (Admission.drain, ErrorCode.DRAINING),
        (Admission.switch_off, ErrorCode.RECOGNITION_OFF),
    ],
)
def test_what_closes_the_door_refuses_who_waits_and_who_comes(
    close: Callable[[Admission], None], code: ErrorCode
) -> None:
    setup = Setup(sessions=1)
    running, waiting = setup.queue(), setup.queue()
    close(setup.admission)
    setup.uploads.serve()
    assert running.ticket is not None
    assert waiting.settled.is_set()
    assert waiting.reason is not None
    assert waiting.reason.code is code
    assert refusal(setup.uploads.slot(Visitor(ANN)).__enter__).code is code
    for turn in (running, waiting):
        setup.uploads.leave(turn)
    assert setup.uploads.counts() == UploadCounts()


def test_where_no_recogniser_is_well_nothing_is_received() -> None:
    setup = Setup()
    setup.capacity = 0
    error = refusal(setup.uploads.slot(Visitor(ANN)).__enter__)
    assert error.code is ErrorCode.ASR_UNAVAILABLE


@pytest.mark.asyncio
async def test_a_wait_ends_with_a_session_or_in_time_with_the_reason() -> None:
    setup = Setup(sessions=1, wait_s=60.0)
    speaker = setup.admission.queue(Visitor(BEN))

    async def upload() -> bool:
        with setup.uploads.slot(Visitor(ANN)) as slot:
            async with setup.uploads.turn(slot, 1.0):
                return setup.admission.sessions == 1

    waiting = asyncio.create_task(upload())
    await asyncio.sleep(0)
    assert setup.uploads.counts() == UploadCounts(active=1, waiting=1)
    speaker.give_back()
    assert await waiting
    hurried = Setup(sessions=1, wait_s=0.0)
    hurried.admission.queue(Visitor(BEN))
    with hurried.uploads.slot(Visitor(ANN)) as slot, pytest.raises(ContractError) as refused:
        async with hurried.uploads.turn(slot, 1.0):
            pass
    assert refused.value.code is ErrorCode.TOO_MANY_SESSIONS
    assert setup.uploads.counts() == hurried.uploads.counts() == UploadCounts()


@pytest.mark.asyncio
async def test_a_wait_that_is_cancelled_leaves_nothing() -> None:
    setup = Setup(sessions=1, wait_s=60.0)
    setup.admission.queue(Visitor(BEN))

    async def upload() -> None:
        with setup.uploads.slot(Visitor(ANN)) as slot:
            async with setup.uploads.turn(slot, 1.0):
                pass

    waiting = asyncio.create_task(upload())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert setup.uploads.counts() == UploadCounts()
    assert setup.admission.sessions == 1


class LineMachine(RuleBasedStateMachine):
    """Any order of arrivals and ends, of uploads and speakers, and of changes of the slots."""

    turns: list[QueuedUpload]

    @initialize(
        sessions=st.integers(1, 8),
        share=st.sampled_from([0.0, 0.5, 1.0]),
        client_share=st.sampled_from([0.3, 1.0]),
    )
    def build(self, sessions: int, share: float, client_share: float) -> None:
        self.setup = Setup(
            sessions, upload_share=share, client_share=client_share, audio_s=300.0, longest_s=100.0
        )
        self.turns = []
        self.speakers: list[Ticket] = []
        self.share = client_share
        self.client_s = 300.0 * client_share if client_share == 1.0 else 100.0

    @rule(client=st.sampled_from([ANN, BEN, CYD]), seconds=st.floats(0, 100))
    def upload(self, client: bytes, seconds: float) -> None:
        self.turns.append(self.setup.queue(client, seconds))

    @rule()
    def speak(self) -> None:
        try:
            self.speakers.append(self.setup.admission.queue(Visitor(BEN)))
        except ContractError:
            assert self.setup.admission.free_sessions <= 0

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def end_upload(self, data: st.DataObject) -> None:
        turn = data.draw(st.sampled_from(self.turns))
        self.turns.remove(turn)
        self.setup.uploads.leave(turn)

    @precondition(lambda self: self.speakers)
    @rule()
    def fall_silent(self) -> None:
        self.speakers.pop().give_back()
        self.setup.uploads.serve()

    @rule(capacity=st.none() | st.integers(1, 10))
    def recount(self, capacity: int | None) -> None:
        self.setup.capacity = capacity
        self.setup.uploads.serve()

    @invariant()
    def limits_hold_and_nobody_waits_without_need(self) -> None:
        if not hasattr(self, "setup"):
            return
        running = [turn for turn in self.turns if turn.ticket is not None]
        line = [turn for turn in self.turns if turn.ticket is None]
        counts = self.setup.uploads.counts()
        assert counts.waiting == len(line)
        assert counts.audio_s == sum(turn.seconds for turn in running) <= 300
        seconds = Counter[bytes]()
        for turn in running:
            seconds[turn.client] += turn.seconds
        assert all(value <= self.client_s for value in seconds.values())
        admission = self.setup.admission
        assert admission.sessions == len(running) + len(self.speakers)
        if line:
            first = line[0]
            own = max(
                1,
                int(
                    admission.upload_slots()
                    * (self.client_s / 300.0 if self.client_s == 300.0 else 0.3)
                ),
            )
            assert (
                len(running) >= admission.upload_slots()
                or sum(turn.client == first.client for turn in running) >= own
                or admission.free_sessions <= max(1, admission.slots // 10)
                or counts.audio_s + first.seconds > 300
                or seconds[first.client] + first.seconds > self.client_s
            )

    def teardown(self) -> None:
        if not hasattr(self, "setup"):
            return
        for turn in self.turns:
            self.setup.uploads.leave(turn)
        for speaker in self.speakers:
            speaker.give_back()
        assert self.setup.uploads.counts() == UploadCounts()
        assert self.setup.admission.sessions == 0


TestLine = LineMachine.TestCase
TestLine.settings = settings(deadline=None, max_examples=30, stateful_step_count=30)
