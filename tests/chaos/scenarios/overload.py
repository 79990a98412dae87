"""Twice the sessions that are admitted: those that run are not hurt, the others are told."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from statistics import quantiles
from time import monotonic
from typing import TYPE_CHECKING

from app.client import (
    BusyError,
    ClientError,
    Partial,
    Queued,
    StartTranscription,
    Transcription,
    connect,
)
from tests.chaos.clients import UNHURRIED
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.experiment import traces
from tests.chaos.report import Row
from tests.chaos.scenarios.common import at, scene_at
from tests.chaos.speech import CHUNK_S, LIVE, LONGER, chorus, spoken
from tests.chaos.word_difference import Difference, compare

if TYPE_CHECKING:
    from tests.chaos.speech import Recording

ADMITTED = 4
WAITING = 2
KNOCKING = 2
KNOCK_S = 0.25
WAIT_S = 120
ROUNDS = 2
"""Each way so often, in turns: what else the machine does must not fall on one of them."""


@dataclass(slots=True)
class Measured:
    """Sessions of one kind of round.

    Attributes:
        interims: Seconds from sending the newest audio of an interim to its arrival.
        finals: Seconds from sending the last word of a final to its arrival.
        texts: What was heard, in the order of the clients.
        refused: Codes, one a knock.
        places: In the waiting room, one a client.
    """

    interims: list[float] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


async def session(
    url: str, what: Recording, into: Measured, started: asyncio.Event, wait: float | None = None
) -> str:
    """Speak live and measure how late every result comes."""
    sent: list[float] = []
    texts: list[str] = []
    async with connect(f"{url}/ws", deadlines=UNHURRIED, wait=wait) as line:

        async def listen() -> None:
            async for event in line.events():
                match event:
                    case Partial(audio_processed=float(position)) if event.text.strip():
                        into.interims.append(monotonic() - sent[_piece(position, sent)])
                    case Transcription():
                        texts.append(event.text)
                        if event.words:
                            position = event.words[-1].end
                            into.finals.append(monotonic() - sent[_piece(position, sent)])
                    case Queued(place=place):
                        into.places.append(place)
                    case _:
                        pass

        await line.start(StartTranscription(sample_rate=what.rate))
        started.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listen())
            async for piece in spoken(what, LIVE, None):
                sent.append(monotonic())
                await line.send(piece)
            await line.finish()
    return " ".join(texts)


def _piece(position: float, sent: list[float]) -> int:
    """Number of the message in which so many seconds are complete."""
    return min(len(sent) - 1, max(0, math.ceil(position / CHUNK_S - 1e-6) - 1))


async def knock(url: str, into: Measured, until: asyncio.Event) -> None:
    """Ask for a session again and again, as a client without patience does."""
    while not until.is_set():
        try:
            async with connect(f"{url}/ws", deadlines=UNHURRIED) as line:
                await line.start()
        except BusyError as error:
            into.refused.append(str(error.code))
        except ClientError as error:
            into.refused.append(type(error).__name__)
        else:
            into.refused.append("admitted")
        await asyncio.sleep(KNOCK_S)


async def play_round(url: str, into: Measured, *, overload: bool) -> list[str]:
    """Let the admitted ones speak, and as many others ask for a session meanwhile.

    Returns:
        What the waiting ones heard when it was their turn.
    """
    who = chorus(ADMITTED, LONGER)
    started = [asyncio.Event() for _ in who]
    over = asyncio.Event()
    after = Measured()
    waiting: list[asyncio.Task[str]] = []
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(session(url, what, into, began))
            for what, began in zip(who, started, strict=True)
        ]
        for began in started:
            await began.wait()
        if overload:
            waiting = [
                tasks.create_task(session(url, what, after, asyncio.Event(), wait=WAIT_S))
                for what in chorus(WAITING, LONGER)
            ]
            for _ in range(KNOCKING):
                tasks.create_task(knock(url, into, over))
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        over.set()
    into.texts += [one.result() for one in running]
    into.places += after.places
    return [one.result() for one in waiting]


def ratios(calm: list[float], crowded: list[float]) -> str:
    """Median and 95th percentile of one as multiples of the other's."""
    shares = []
    for percent in (50, 95):
        before, under = (quantiles(lags, n=100)[percent - 1] for lags in (calm, crowded))
        shares.append(f"p{percent} {before:.2f} s x {under / before:.2f}")
    return ", ".join(shares)


@scenario(
    "overload",
    f"Twice the admitted load: {ADMITTED} sessions run, {WAITING} ask for a place in the waiting "
    f"room and {KNOCKING} knock every {KNOCK_S:g} s",
)
async def overload(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    limits = {
        "WS_MAX_CONCURRENT_SESSIONS": str(ADMITTED),
        "WS_WAITING_ROOM": str(WAITING),
        "WS_CLIENT_SHARE": "1",
    }
    gateway = await deployment.gateway(endpoints(only), limits)
    url = at(gateway).url
    experiment = scene_at(gateway, [only], [])
    calm, crowded = Measured(), Measured()
    late: list[str] = []
    await play_round(url, Measured(), overload=False)
    await experiment.settle({})
    before = {gateway.name: await traces(gateway, [only])}
    for _ in range(ROUNDS):
        await play_round(url, calm, overload=False)
        late += await play_round(url, crowded, overload=True)
    left, streams = await experiment.settle(before)
    heard = [*zip(calm.texts, crowded.texts, strict=True)]
    # The waiting ones said what the first of the admitted did.
    heard += [(calm.texts[number % WAITING], text) for number, text in enumerate(late)]
    difference = sum((compare(one, two) for one, two in heard), Difference())
    codes = set(crowded.refused)
    broken = []
    if difference != Difference():
        broken.append(f"{difference.lost} words were lost and {difference.twice} came twice")
    if codes != {"too_many_sessions"}:
        broken.append(f"who knocked was answered {sorted(codes)}, promised too_many_sessions")
    if sorted(set(crowded.places)) != list(range(1, WAITING + 1)):
        broken.append(f"places {sorted(set(crowded.places))} were told, promised 1 to {WAITING}")
    counts = (left.tasks, left.files, left.sessions, streams)
    if any(counts):
        broken.append("left behind: {} tasks, {} files, {} sessions, {} streams".format(*counts))
    return Row(
        title=title,
        sessions=ADMITTED + WAITING + KNOCKING,
        difference=difference,
        errors={"too_many_sessions": KNOCKING},
        left=counts,
        broken=tuple(broken),
        remark=(
            "Lags of the running sessions, and how many times as long with the others there: "
            f"interims {ratios(calm.interims, crowded.interims)}; "
            f"finals {ratios(calm.finals, crowded.finals)}. {len(crowded.refused)} knocks got 503; "
            "all who waited were told their place and heard in full"
        ),
    )
