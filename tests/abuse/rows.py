"""Every attack with what is promised in it, in the order of the table."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.abuse.observations import Limits, Row
from tests.abuse.rig import Attack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.abuse.rig import AttackedGateway, Rig

FRAMES: Final = Limits(grown_mib=128, files=1024)
UPLOADS: Final = Limits(grown_mib=256, files=1024)
ANSWERS: Final = Limits(grown_mib=256, files=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One line of the table, and how it comes about.

    Attributes:
        name: For `--only`.
        title: What is done.
        play: Does it.
    """

    name: str
    title: str
    play: Callable[[Rig, str], Awaitable[Row]]


SCENARIOS: Final[dict[str, Scenario]] = {}


def _row(title: str, attack: Attack) -> None:
    title = title + (", through the local load balancer" if attack.front else "")

    async def play(rig: Rig, title: str) -> Row:
        return await rig.attacked(title, attack)

    SCENARIOS[attack.name] = Scenario(name=attack.name, title=title, play=play)


async def no_stray_upgrade_is_held(attacked_gateway: AttackedGateway) -> list[str]:
    """Each has an answer."""
    if held := attacked_gateway.told.counts["held"]:
        return [f"{held:,} requests had no answer and were still open at the end"]
    return []


async def one_live_successor(attacked_gateway: AttackedGateway) -> list[str]:
    """A token brings one session, and nobody else's id.

    Without bearer tokens another address may go on at the same place: clients move. It gets a
    session of its own.
    """
    broken = []
    if (live := attacked_gateway.told.counts["live"]) > 1:
        broken.append(f"{live} sessions that went on from one token were live at the same time")
    if attacked_gateway.told.counts["same_id"]:
        broken.append("another client was given the session's id")
    return broken


async def the_session_goes_on(attacked_gateway: AttackedGateway) -> list[str]:
    """What is no number is unknown, and no reason to end a session."""
    ended = [what for what in attacked_gateway.told.outcomes if what != "open"]
    return [f"the session ended: {', '.join(ended)}"] if ended else []


async def nothing_goes_on_without_a_client(attacked_gateway: AttackedGateway) -> list[str]:
    """A second after it hung up."""
    await asyncio.sleep(1.0)
    # The neighbour's; and whoever came a moment ago.
    mine = 2
    if (streams := await attacked_gateway.streams()) > mine:
        return [f"{streams - mine} or more uploads were still recognised 1 s after their end"]
    return []


UNREADABLE = "WebSocket upgrades that only an HTTP parser can read"
METRICS = "Pipelined requests for metrics, answers not read"
PINGS = "A flood of pings on one connection"

_row("For comparison, no attack", Attack(attack="nothing", limits=FRAMES))
for _front in (False, True):
    _row(
        UNREADABLE,
        Attack(
            attack="unreadable-upgrades",
            limits=FRAMES,
            front=_front,
            seconds=12.0,
            check=no_stray_upgrade_is_held,
        ),
    )
_row("Requests without an end", Attack(attack="half-requests", limits=FRAMES))
for _attack, _title, _seconds in (
    ("slow-uploads", "Uploads of a byte a second", 8.0),
    ("silent-flacs", "Uploads of an hour of silence", 12.0),
    ("silent-flacs-48k", "The same at 48 kHz", 12.0),
    ("large-wavs", "Uploads just under the limit", 12.0),
):
    _row(_title, Attack(attack=_attack, limits=UPLOADS, seconds=_seconds))
_row(
    "Uploads whose client hangs up while they are recognised",
    Attack(attack="left-uploads", limits=UPLOADS, check=nothing_goes_on_without_a_client),
)
_row("WebSockets of one address that say nothing", Attack(attack="idle-websockets", limits=FRAMES))
_row("WebSockets opened and left", Attack(attack="handshakes", limits=FRAMES))
_row("Sessions of one address", Attack(attack="many-sessions", limits=FRAMES))
for _front in (False, True):
    _row(METRICS, Attack(attack="pipelined-metrics", limits=FRAMES, front=_front))
_row("The same for the health check", Attack(attack="pipelined-health", limits=FRAMES))
_row("The same for the old status page", Attack(attack="pipelined-status", limits=FRAMES))
for _front in (False, True):
    _row(PINGS, Attack(attack="ping-flood", limits=FRAMES, front=_front))
for _attack, _title in (
    ("ping-floods", "The same on several connections at once"),
    ("pong-flood", "A flood of pongs"),
    ("fragment-flood", "A flood of empty fragments of one message"),
    ("empty-audio-flood", "A flood of empty audio messages in a session"),
    ("control-flood", "Control messages past the rate limit"),
    ("unfinished-messages", "Messages that do not end"),
):
    _row(_title, Attack(attack=_attack, limits=FRAMES))
_row(
    "A resume token used again and again",
    Attack(
        attack="replayed-token",
        limits=FRAMES,
        settings={"WS_CLIENT_NEW_SESSIONS_PER_MINUTE": "4"},
        check=one_live_successor,
    ),
)
for _attack, _title in (
    ("many-words", "A final of very many words"),
    ("many-results", "Very many finals in one message"),
    ("result-by-result", "Very many finals one by one"),
    ("long-text", "A final as large as a message may be"),
):
    _row(_title, Attack(attack=_attack, limits=ANSWERS))
_row(
    "Times and scores that are no numbers",
    Attack(attack="no-numbers", limits=ANSWERS, check=the_session_goes_on),
)
