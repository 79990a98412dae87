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


class TicketOffice:
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
    desk = TicketOffice(places=3, client_share=0.7)
    ann, ben = Visitor(ANN), Visitor(BEN)
    with desk.uploads.place(ann), desk.uploads.place(ann):
        own = refusal(desk.uploads.place(ann).__enter__)
        assert own.sentence == "This client's uploads are at their limit: 2 at once"
        with desk.uploads.place(ben):
            full = refusal(desk.uploads.place(Visitor(CYD)).__enter__)
            assert full.sentence == "UploadQueue are at their limit: 3 at once"
    assert (own.spec.http_status, full.spec.http_status) == (429, 503)
    assert own.retry_after_s
    assert full.retry_after_s
    assert desk.uploads.counts() == UploadCounts()
    for error in (own, full):
        labels = {"at": "upload", "code": error.code.value}
        value = desk.metrics.registry.get_sample_value("perch_admission_refused_total", labels)
        assert value == 1


def test_room_on_disk_grows_and_shrinks_and_ends_with_the_place() -> None:
    desk = TicketOffice(spool_bytes=150, client_share=0.1, largest_bytes=100)
    with desk.uploads.place(Visitor(ANN)) as first, desk.uploads.place(Visitor(BEN)) as second:
        first.hold(100)
        assert refusal(lambda: first.hold(101)).code is ErrorCode.TOO_MANY_CLIENT_UPLOADS
        assert refusal(lambda: second.hold(51)).code is ErrorCode.TOO_MANY_UPLOADS
        assert desk.uploads.counts().spool_bytes == 100
        first.hold(40)
        second.hold(51)
        assert desk.uploads.counts().spool_bytes == 91
    assert desk.uploads.counts() == UploadCounts()


def test_uploads_use_a_share_of_the_sessions_and_one_at_least() -> None:
    desk = TicketOffice(sessions=10, upload_share=0.5)
    turns = [desk.queue() for _ in range(6)]
    assert [turn.ticket is not None for turn in turns] == [True] * 5 + [False]
    assert reason(turns[5]) == "too_many_uploads: UploadQueue are at their limit: 5 sessions"
    desk.uploads.leave(turns[0])
    assert turns[5].ticket is not None
    single = TicketOffice(sessions=1, upload_share=0.0)
    assert single.queue().ticket is not None


def test_uploads_use_no_more_sessions_than_files_are_recognised_at_once() -> None:
    desk = TicketOffice(at_once=2)
    turns = [desk.queue() for _ in range(3)]
    assert [turn.ticket is not None for turn in turns] == [True, True, False]
    assert reason(turns[2]) == "too_many_uploads: UploadQueue are at their limit: 2 sessions"


def test_one_clients_uploads_leave_sessions_to_others() -> None:
    desk = TicketOffice(at_once=4, client_share=0.5)
    turns = [desk.queue(client) for client in (ANN, ANN, ANN, BEN, CYD)]
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
    desk = TicketOffice(speed=100.0)
    for seconds in (20.0, 30.0, 50.0, 50.0):
        await desk.uploads.keep_pace(seconds)
    # Half a second's worth of them at once; who comes then waits for its own and those before it.
    assert slept == [0.5, 1.0]
    free = TicketOffice()
    await free.uploads.keep_pace(1e9)
    assert len(slept) == 2


def test_a_recording_that_is_longer_than_it_said_takes_its_part_of_the_audio() -> None:
    desk = TicketOffice(audio_s=200.0)
    liar, honest = desk.queue(ANN, 1.0), desk.queue(BEN, 100.0)
    desk.uploads.hold(liar, 0.5)
    assert desk.uploads.counts().audio_s == 101
    desk.uploads.hold(liar, 10.5)
    assert desk.uploads.counts().audio_s == 171
    error = refusal(lambda: desk.uploads.hold(liar, 72.0))
    assert error.sentence == "UploadQueue are at their limit: 200 s of audio being recognised"
    for turn in (liar, honest):
        desk.uploads.leave(turn)
    assert desk.uploads.counts() == UploadCounts()


@pytest.mark.parametrize(("sessions", "kept"), [(1, 0), (2, 1), (4, 1), (10, 1), (50, 5)])
def test_the_last_sessions_are_the_speakers(sessions: int, kept: int) -> None:
    desk = TicketOffice(sessions=sessions)
    while desk.queue().ticket is not None:
        pass
    assert desk.admission.free_sessions == kept
    assert sum(desk.admission.queue(Visitor(BEN)).is_admitted for _ in range(kept)) == kept


def test_uploads_are_served_in_order_and_a_large_one_is_not_overtaken() -> None:
    desk = TicketOffice(audio_s=100.0)
    first, large, small = desk.queue(ANN, 60.0), desk.queue(BEN, 60.0), desk.queue(CYD, 1.0)
    assert first.ticket is not None
    said = "too_many_uploads: UploadQueue are at their limit: 100 s of audio being recognised"
    assert (reason(large), reason(small)) == (said, said)
    desk.uploads.leave(first)
    assert large.ticket is not None
    assert small.ticket is not None


def test_whom_its_own_limit_holds_back_lets_others_pass() -> None:
    desk = TicketOffice(audio_s=500.0, client_share=0.2, at_once=10)
    turns = [desk.queue(ANN, 60.0), desk.queue(ANN, 60.0), desk.queue(BEN, 60.0)]
    assert [turn.ticket is not None for turn in turns] == [True, False, True]
    assert reason(turns[1]) == (
        "too_many_client_uploads: This client's uploads are at their limit: "
        "100 s of audio being recognised"
    )
    other = TicketOffice(quotas=QuotaRules(client_sessions=1))
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
    desk = TicketOffice(sessions=1)
    running, waiting = desk.queue(), desk.queue()
    close(desk.admission)
    desk.uploads.serve()
    assert running.ticket is not None
    assert waiting.settled.is_set()
    assert waiting.reason is not None
    assert waiting.reason.code is code
    assert refusal(desk.uploads.place(Visitor(ANN)).__enter__).code is code
    for turn in (running, waiting):
        desk.uploads.leave(turn)
    assert desk.uploads.counts() == UploadCounts()


def test_where_no_recogniser_is_well_nothing_is_received() -> None:
    desk = TicketOffice()
    desk.capacity = 0
    error = refusal(desk.uploads.place(Visitor(ANN)).__enter__)
    assert error.code is ErrorCode.ASR_UNAVAILABLE


@pytest.mark.asyncio
async def test_a_wait_ends_with_a_session_or_in_time_with_the_reason() -> None:
    desk = TicketOffice(sessions=1, wait_s=60.0)
    speaker = desk.admission.queue(Visitor(BEN))

    async def upload() -> bool:
        with desk.uploads.place(Visitor(ANN)) as place:
            async with desk.uploads.turn(place, 1.0):
                return desk.admission.sessions == 1

    waiting = asyncio.create_task(upload())
    await asyncio.sleep(0)
    assert desk.uploads.counts() == UploadCounts(active=1, waiting=1)
    speaker.give_back()
    assert await waiting
    hurried = TicketOffice(sessions=1, wait_s=0.0)
    hurried.admission.queue(Visitor(BEN))
    with hurried.uploads.place(Visitor(ANN)) as place, pytest.raises(ContractError) as refused:
        async with hurried.uploads.turn(place, 1.0):
            pass
    assert refused.value.code is ErrorCode.TOO_MANY_SESSIONS
    assert desk.uploads.counts() == hurried.uploads.counts() == UploadCounts()


@pytest.mark.asyncio
async def test_a_wait_that_is_cancelled_leaves_nothing() -> None:
    desk = TicketOffice(sessions=1, wait_s=60.0)
    desk.admission.queue(Visitor(BEN))

    async def upload() -> None:
        with desk.uploads.place(Visitor(ANN)) as place:
            async with desk.uploads.turn(place, 1.0):
                pass

    waiting = asyncio.create_task(upload())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert desk.uploads.counts() == UploadCounts()
    assert desk.admission.sessions == 1


class LineMachine(RuleBasedStateMachine):
    """Any order of arrivals and ends, of uploads and speakers, and of changes of the slots."""

    turns: list[QueuedUpload]

    @initialize(
        sessions=st.integers(1, 8),
        share=st.sampled_from([0.0, 0.5, 1.0]),
        client_share=st.sampled_from([0.3, 1.0]),
    )
    def build(self, sessions: int, share: float, client_share: float) -> None:
        self.desk = TicketOffice(
            sessions, upload_share=share, client_share=client_share, audio_s=300.0, longest_s=100.0
        )
        self.turns = []
        self.speakers: list[Ticket] = []
        self.share = client_share
        self.client_s = 300.0 * client_share if client_share == 1.0 else 100.0

    @rule(client=st.sampled_from([ANN, BEN, CYD]), seconds=st.floats(0, 100))
    def upload(self, client: bytes, seconds: float) -> None:
        self.turns.append(self.desk.queue(client, seconds))

    @rule()
    def speak(self) -> None:
        try:
            self.speakers.append(self.desk.admission.queue(Visitor(BEN)))
        except ContractError:
            assert self.desk.admission.free_sessions <= 0

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def end_upload(self, data: st.DataObject) -> None:
        turn = data.draw(st.sampled_from(self.turns))
        self.turns.remove(turn)
        self.desk.uploads.leave(turn)

    @precondition(lambda self: self.speakers)
    @rule()
    def fall_silent(self) -> None:
        self.speakers.pop().give_back()
        self.desk.uploads.serve()

    @rule(capacity=st.none() | st.integers(1, 10))
    def recount(self, capacity: int | None) -> None:
        self.desk.capacity = capacity
        self.desk.uploads.serve()

    @invariant()
    def limits_hold_and_nobody_waits_without_need(self) -> None:
        if not hasattr(self, "desk"):
            return
        running = [turn for turn in self.turns if turn.ticket is not None]
        line = [turn for turn in self.turns if turn.ticket is None]
        counts = self.desk.uploads.counts()
        assert counts.waiting == len(line)
        assert counts.audio_s == sum(turn.seconds for turn in running) <= 300
        seconds = Counter[bytes]()
        for turn in running:
            seconds[turn.client] += turn.seconds
        assert all(value <= self.client_s for value in seconds.values())
        admission = self.desk.admission
        assert admission.sessions == len(running) + len(self.speakers)
        if line:
            first = line[0]
            own = max(
                1,
                int(
                    admission.upload_slots
                    * (self.client_s / 300.0 if self.client_s == 300.0 else 0.3)
                ),
            )
            assert (
                len(running) >= admission.upload_slots
                or sum(turn.client == first.client for turn in running) >= own
                or admission.free_sessions <= max(1, admission.slots // 10)
                or counts.audio_s + first.seconds > 300
                or seconds[first.client] + first.seconds > self.client_s
            )

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        for turn in self.turns:
            self.desk.uploads.leave(turn)
        for speaker in self.speakers:
            speaker.give_back()
        assert self.desk.uploads.counts() == UploadCounts()
        assert self.desk.admission.sessions == 0


TestLine = LineMachine.TestCase
TestLine.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
