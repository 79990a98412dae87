"""A gateway that ends a session by its own wish when the page asks for the same.

The page's session runs in a real chromium; the gateway's part is played here. Does not prove when
a real gateway does so; `tests/app/gateway/server/test_drain.py` does.
"""

import json
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocketRoute

from tests.app.web.conftest import Opened
from tests.support.gateways.processes import Running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

RATE = 16000
SPOKEN_S = 4

# Every second of the sound is filled with its own number, which is the word that is heard in it.
SPEAK = """async ({ rate, seconds, afterEnd }) => {
  const { Session } = await import("/static/session.js");
  const handlers = { words: [], ended: null };
  const nothing = () => {};
  const told = Promise.withResolvers();
  const session = new Session({
    interim: nothing, warning: told.resolve, heartbeat: nothing, queued: nothing, sent: nothing,
    pinged: nothing, ponged: nothing, away: nothing, moving: nothing,
    final: ({ segment_id: segment, text }) => { handlers.words[segment] = text; },
    back: (segment) => { handlers.words.length = segment; },
    ended: (trouble) => { handlers.ended = trouble; },
  });
  await session.open({});
  for (let word = 1; word <= seconds; word += 1) {
    session.push(new Int16Array(rate).fill(word).buffer);
  }
  const { words } = handlers;
  if (afterEnd) await told.promise;
  try {
    await session.finish();
    if (handlers.ended !== null) throw handlers.ended;
  } catch (trouble) {
    return { words, code: trouble.code, said: trouble.message };
  }
  return { words, code: null, said: "" };
}"""


@dataclass
class Play:
    """How one connection goes.

    Attributes:
        hears_s: Seconds of the session after which it takes in no more; None for all.
        ends: The code with which it ends the session by its own wish; None where it does not.
        closes: The close code after it.
        how: `refusing` a stop first, `crossing` it with an end already made, `unasked` once it
            takes in no more and before there is a stop, or `finals unsaid` where it goes without
            an end.
        resumes: Whether it offers that the session goes on elsewhere.
    """

    hears_s: int | None = None
    ends: str | None = None
    closes: int = 1001
    how: str = "refusing"
    resumes: bool = True


@dataclass
class Gateway:
    """Plays one connection after another; the last play goes for all further ones."""

    plays: list[Play] = field(default_factory=lambda: [Play()])
    begun: list[dict[str, Any]] = field(default_factory=list)

    def take(self, route: WebSocketRoute) -> None:
        """Greet a connection."""
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        talk = Talk(route, play, self.begun)
        route.on_message(talk.hear)
        resume = {"token": "0", "window_s": 60, "heartbeat_s": 2} if play.resumes else None
        talk.say("connection", resume=resume)


class Talk:
    """One connection."""

    def __init__(self, route: WebSocketRoute, play: Play, begun: list[dict[str, Any]]) -> None:
        self.route, self.play, self.begun = route, play, begun
        self.heard = array("h")
        self.said = 0
        self.over = self.gone = False

    def say(self, kind: str, **fields: object) -> None:
        self.route.send(json.dumps({"type": kind, **fields}))

    async def hear(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            await self.audio(message)
            return
        asked = json.loads(message)
        if asked["type"] == "start_transcription":
            self.start(asked)
        elif asked["type"] == "stop_transcription":
            await self.stop()

    def start(self, asked: dict[str, Any]) -> None:
        self.begun.append(asked)
        resumed = None
        if "resume" in asked:
            self.said = int(asked["resume"])
            self.heard = array("h", [0]) * (self.said * RATE)
            resumed = {"position": float(self.said), "segment_id": self.said}
        self.say("session_started", resumed=resumed)

    async def audio(self, message: bytes) -> None:
        if self.over:
            if not self.gone:
                self.gone = True
                self.refuse("audio_before_start")
                await self.route.close(code=self.play.closes)
            return
        self.heard.frombytes(message)
        limit = self.play.hears_s
        if limit is not None and len(self.heard) >= limit * RATE:
            del self.heard[limit * RATE :]
            if self.play.how == "unasked":
                self.over = True
                self.finalise()
                self.give_reason()

    async def stop(self) -> None:
        play = self.play
        if play.ends is None:
            self.finalise()
            return
        if play.how == "refusing":
            self.refuse("no_active_session")
        if play.how == "finals unsaid":
            self.words()
        else:
            self.finalise()
        if play.how == "crossing":
            self.refuse("no_active_session")
        self.give_reason()
        await self.route.close(code=play.closes)

    def words(self) -> None:
        while (self.said + 1) * RATE <= len(self.heard):
            word = str(self.heard[self.said * RATE])
            self.said += 1
            point = {"position": float(self.said), "token": str(self.said)}
            resume = point if self.play.resumes else None
            self.say("transcription", segment_id=self.said - 1, text=word, resume=resume)

    def finalise(self) -> None:
        self.words()
        self.say("session_stopped", audio_seconds=len(self.heard) / RATE, segments=self.said)

    def refuse(self, code: str) -> None:
        self.say("error", code=code, error="-", retryable=False, retry_after=None)

    def give_reason(self) -> None:
        self.say("error", code=self.play.ends, error="-", retryable=True, retry_after=None)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@dataclass
class Shared:
    """The page of all these tests, and who plays its gateway."""

    opened: Opened
    gateway: Gateway = field(default_factory=Gateway)

    def take(self, route: WebSocketRoute) -> None:
        """Greet a connection as the gateway of the test that runs."""
        self.gateway.take(route)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def shared(served: Running, browser: Browser) -> AsyncIterator[Shared]:
    """One page: to open it takes longer than a test, and each session is a new object in it."""
    shared = Shared(Opened(await browser.new_page()))
    page = shared.opened.page
    page.on("console", shared.opened.listen)
    page.on("pageerror", lambda error: shared.opened.complaints.append(str(error)))
    await page.goto(f"{served.url}/ui")
    await page.route_web_socket("**/ws*", shared.take)
    yield shared
    await page.close()


@pytest_asyncio.fixture(loop_scope="package")
async def page(shared: Shared, gateway: Gateway) -> AsyncIterator[Page]:
    shared.gateway = gateway
    yield shared.opened.page
    assert shared.opened.complaints == []


async def spoken(page: Page, *, after_end: bool = False) -> tuple[list[str], str | None, str]:
    """Speak to the end: the words that are settled, and the trouble's code and words.

    The stop waits for the gateway's own end, if so.
    """
    given = {"rate": RATE, "seconds": SPOKEN_S, "afterEnd": after_end}
    result = await page.evaluate(SPEAK, given)
    return result["words"], result["code"], result["said"]


ALL = [str(word) for word in range(1, SPOKEN_S + 1)]


@pytest.mark.parametrize("ends", ["going_away", "session_too_long", "recognition_off"])
@pytest.mark.parametrize("how", ["refusing", "crossing"])
async def test_an_end_that_the_gateway_was_about_to_make_is_the_end_where_it_heard_everything(
    page: Page, gateway: Gateway, ends: str, how: str
) -> None:
    gateway.plays = [Play(ends=ends, how=how)]
    assert await spoken(page) == (ALL, None, "")
    assert len(gateway.begun) == 1


@pytest.mark.parametrize("how", ["refusing", "crossing"])
async def test_what_the_gateway_did_not_take_before_its_own_end_is_heard_by_another_one(
    page: Page, gateway: Gateway, how: str
) -> None:
    gateway.plays = [Play(hears_s=2, ends="going_away", how=how), Play()]
    assert await spoken(page) == (ALL, None, "")
    assert [start.get("resume") for start in gateway.begun] == [None, "2"]


async def test_an_end_with_words_missing_that_nobody_can_make_good_says_which(
    page: Page, gateway: Gateway
) -> None:
    gateway.plays = [Play(hears_s=2, ends="session_too_long", closes=1008)]
    words, code, said = await spoken(page)
    assert (words, code) == (ALL[:2], "session_too_long")
    assert "Words spoken between 0:02.0 and 0:04.0" in said
    assert len(gateway.begun) == 1


async def test_where_no_session_is_resumed_an_end_with_words_missing_is_no_good_one(
    page: Page, gateway: Gateway
) -> None:
    gateway.plays = [Play(hears_s=2, ends="going_away", resumes=False)]
    words, code, _ = await spoken(page)
    assert (words, code) == (ALL[:2], "going_away")


async def test_who_stayed_through_a_drain_goes_on_elsewhere_from_the_newest_point(
    page: Page, gateway: Gateway
) -> None:
    sent_away = Play(hears_s=3, ends="drain_deadline", closes=1012, how="finals unsaid")
    gateway.plays = [sent_away, Play()]
    assert await spoken(page) == (ALL, None, "")
    assert [start.get("resume") for start in gateway.begun] == [None, "3"]


@pytest.mark.parametrize("hears_s", [2, SPOKEN_S])
async def test_an_end_that_came_before_the_stop_is_looked_at_in_the_same_way(
    page: Page, gateway: Gateway, hears_s: int
) -> None:
    gateway.plays = [Play(hears_s=hears_s, ends="going_away", how="unasked"), Play()]
    assert await spoken(page, after_end=True) == (ALL, None, "")
    assert len(gateway.begun) == (1 if hears_s == SPOKEN_S else 2)
