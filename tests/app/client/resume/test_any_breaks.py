"""Any schedule of breaks: every final comes once, and the audio goes on exactly at the position.

The gateway's finals are digests of the audio they stand for, so equal texts mean equal bytes.
Does not prove anything about how long breaks take; `test_resumption.py` has the deadlines.
"""

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.client import Reconnected, ReconnectRules, Transcription
from tests.app.client.resume.sessions import SOON, connected, finals, read
from tests.support.gateways.breaking import RATE, SEGMENT_BYTES, At, Fault, breaking, texts_of

PATIENT = replace(SOON, first_s=0.0005, longest_s=0.001, quick_failures=50)

faults = st.one_of(
    # Without an error: those ask for a second's patience, which a test has not.
    st.builds(Fault, at=st.sampled_from(At), count=st.integers(0, 3 * SEGMENT_BYTES)),
    st.builds(
        Fault,
        at=st.sampled_from([At.FINAL, At.UNSAID]),
        count=st.integers(1, 4),
        points=st.booleans(),
    ),
    st.builds(Fault, leaving_after=st.integers(1, 3 * SEGMENT_BYTES)),
    st.builds(Fault, offer=st.just(False), at=st.just(At.START)),
    st.builds(Fault, queued=st.integers(1, 2), at=st.sampled_from([At.STARTED, At.STOP])),
)
speech = st.tuples(st.integers(0, 12 * SEGMENT_BYTES // 2), st.randoms(use_true_random=False)).map(
    lambda drawn: drawn[1].randbytes(2 * drawn[0])
)


@settings(max_examples=40, deadline=None)
@given(
    schedule=st.lists(faults, max_size=6),
    audio=speech,
    step=st.integers(1, 3000),
    rules=st.just(PATIENT),
)
async def test_whatever_breaks_every_final_comes_once_in_order_and_no_byte_is_missing(
    schedule: list[Fault], audio: bytes, step: int, rules: ReconnectRules
) -> None:
    # The first connection must be let in, or there is no session that could be broken, and must
    # offer to go on with it.
    first_breaks = [fault for fault in schedule if fault.at not in {At.REFUSED, At.HELLO}]
    head = [replace(first_breaks[0], offer=True)] if first_breaks else [Fault()]
    async with breaking([*head, *schedule]) as gateway, connected(gateway, rules=rules) as link:
        await link.start()
        listening = asyncio.create_task(read(link))
        for start in range(0, len(audio), step):
            await link.send(audio[start : start + step])
        stopped = await link.finish()
        events = await listening

        assert finals(events) == texts_of(audio)
        numbers = [event.segment_id for event in events if isinstance(event, Transcription)]
        assert numbers == list(range(stopped.segments))
        for served in gateway.served:
            place = round(served.position * RATE) * 2
            assert audio[place:].startswith(bytes(served.audio))
        for event in events:
            if isinstance(event, Reconnected):
                before = finals(events[: events.index(event)])
                assert event.segment_id <= len(before)
