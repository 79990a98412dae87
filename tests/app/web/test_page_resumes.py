"""The page when its connection breaks: real gateways killed under real speech, in a real chromium.

Does not prove what a load balancer does with a lost machine (tests/chaos does, for other clients),
nor that a suspended laptop comes back: time stands still for nobody here.
"""

import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, WebSocketRoute

from tests.app.web.conftest import (
    FIXTURES,
    KEYS,
    SPOKEN,
    Door,
    Opened,
    OpenPage,
    chromium_hearing,
)
from tests.support.faults.toxics import LimitData, Timeout
from tests.support.gateways.processes import Running, gateway
from tests.support.words import bare, lost_or_doubled, spoken_text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

KEPT_3_S = re.compile(r"0:(0[3-9]|[1-5]\d) kept")
"""Three seconds or more; a busy machine may paint no text in the third."""

TWO = ("clean_us_f.flac", "accent_gb_f.flac")
TWO_S = "0:18"
"""When the sound of both, with their pauses, has been sent."""

STARTS = """[...document.querySelectorAll(".word")].map((word) => parseFloat(word.dataset.tip))"""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def talkative(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """A microphone that hears two speakers."""
    async with chromium_hearing(chromium, tmp_path_factory.mktemp("two"), *TWO) as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def stranger(
    recogniser: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """A gateway of another environment, which lets nobody take long to come back."""
    settings = {"APP_RESUME_KEYS": "x" * 32, "APP_RESUME_WINDOW_S": "3"}
    async with gateway(recogniser, tmp_path_factory.mktemp("stranger"), **settings) as running:
        yield running


async def listen(page: Page) -> None:
    await page.get_by_role("button", name="Start listening").click()
    await page.wait_for_selector(".interim .body:not(:empty)")


async def hint(page: Page, words: str) -> None:
    await page.locator("#hint").get_by_text(words).wait_for()


async def last_words(opened: Opened) -> list[str]:
    await opened.page.get_by_role("button", name="Stop").click()
    await opened.state("idle")
    assert not [said for said in opened.complaints if "Content Security Policy" in said]
    return bare(await opened.text())


@pytest.mark.slow
async def test_a_killed_gateway_costs_no_word_of_what_is_said_meanwhile(
    recogniser: Running, open_page: OpenPage, talkative: Browser, door: Door, tmp_path: Path
) -> None:
    async with door.to_another(recogniser, tmp_path, **KEYS) as first:
        opened = await open_page(door.url, hearing=talkative, color_scheme="dark", width=360)
        page = opened.page
        await listen(page)
        await page.wait_for_selector(".settled")
        await page.wait_for_selector(".interim .body:not(:empty)")
        first.process.kill()
        await hint(page, "keeping your words")
        await opened.keep("dark-phone-away")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        # Somebody goes on talking for a while before there is a gateway again.
        await page.locator("#hint-detail", has_text=KEPT_3_S).wait_for()
        door.back_home()
        await hint(page, "no word was lost")
    await page.locator("#figure-audio", has_text=TWO_S).wait_for(timeout=40_000)
    said = [word for name in TWO for word in bare(spoken_text(name))]
    assert lost_or_doubled(await last_words(opened), said, cuts=1) is None
    starts = await page.evaluate(STARTS)
    assert starts == sorted(starts)
    assert starts[-1] > 12, "times go on as if nothing had happened"


@pytest.mark.slow
async def test_a_gateway_that_goes_away_is_left_before_it_closes(
    recogniser: Running, open_page: OpenPage, door: Door, tmp_path: Path
) -> None:
    async with door.to_another(recogniser, tmp_path, **KEYS) as first:
        opened = await open_page(door.url)
        await listen(opened.page)
        door.back_home()
        first.process.send_signal(signal.SIGTERM)
        await hint(opened.page, "no word was lost")
        assert await first.process.wait() == 0
    await opened.page.wait_for_selector(".settled")
    said = bare(spoken_text(SPOKEN))
    assert lost_or_doubled(await last_words(opened), said, cuts=1) is None
    assert opened.complaints == [], "it never was without a connection"


@pytest.mark.slow
async def test_a_network_that_vanishes_without_a_word_is_noticed(
    open_page: OpenPage, door: Door
) -> None:
    opened = await open_page(door.url)
    await listen(opened.page)
    door.add("gone", Timeout(), "down")
    await hint(opened.page, "keeping your words")
    door.remove("gone")
    await hint(opened.page, "no word was lost")
    await opened.page.wait_for_selector(".settled")
    said = bare(spoken_text(SPOKEN))
    assert lost_or_doubled(await last_words(opened), said, cuts=1) is None


async def test_a_recording_waits_for_the_connection(open_page: OpenPage, door: Door) -> None:
    name = "clean_us_f.flac"
    # A good third of it.
    door.add("breaks off", LimitData(limit=90_000), "up")
    opened = await open_page(door.url)
    page = opened.page
    await page.evaluate("document.getElementById('paced').checked = false")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / name)
    await hint(page, "keeping your words")
    door.remove("breaks off")
    await hint(page, "no word was lost")
    await opened.state("idle")
    said = bare(spoken_text(name))
    assert lost_or_doubled(bare(await opened.text()), said, cuts=1) is None


@pytest.mark.slow
async def test_a_session_that_cannot_be_saved_says_which_span_is_lost(
    stranger: Running, open_page: OpenPage, door: Door
) -> None:
    door.server_port = stranger.port
    opened = await open_page(door.url)
    await listen(opened.page)
    await door.disable()
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("The server cannot be reached").wait_for()
    assert "Words spoken between 0:0" in await alert.inner_text()
    await opened.state("idle")
    assert await opened.page.locator(".unsettled").count() == 1, "what was heard stays"
    await opened.keep("light-lost")
    assert not await opened.page.locator("#hint").is_visible()


@pytest.mark.slow
async def test_who_does_not_want_to_wait_need_not(open_page: OpenPage, door: Door) -> None:
    opened = await open_page(door.url)
    await listen(opened.page)
    await door.disable()
    await hint(opened.page, "keeping your words")
    await opened.page.get_by_role("button", name="Do not wait").click()
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("Given up").wait_for()
    assert "Words spoken between 0:0" in await alert.inner_text()
    await opened.state("idle")


@pytest.mark.slow
async def test_a_gateway_of_strangers_does_not_go_on_with_the_session_and_that_is_said(
    stranger: Running, open_page: OpenPage, door: Door
) -> None:
    opened = await open_page(door.url)
    await listen(opened.page)
    door.server_port = stranger.port
    await door.cut()
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("The session cannot be resumed").wait_for()
    assert "Words spoken between 0:0" in await alert.inner_text()
    await opened.state("idle")


TOLD: list[tuple[dict[str, object], str]] = [
    ({"type": "warning", "code": "recogniser_lost", "warning": "-"}, "The recogniser is away"),
    ({"type": "warning", "code": "recogniser_back", "warning": "-"}, "The recogniser is back"),
    ({"type": "warning", "code": "recognition_moved", "warning": "-"}, "Another recogniser"),
    (
        {"type": "queued", "place": 2, "seconds_left": 9},
        "waiting as number 2",
    ),
    ({"type": "something new"}, "Listening"),
]


@pytest.mark.slow
async def test_what_the_gateway_tells_of_the_connection_is_said_in_words(
    served: Running, open_page: OpenPage
) -> None:
    """The session is real; what comes beside it is put into its connection here."""
    connections: list[WebSocketRoute] = []

    def between(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    opened = await open_page(served.url)
    page = opened.page
    await page.route_web_socket("**/ws*", between)
    await listen(page)
    for message, words in TOLD:
        connections[0].send(json.dumps(message))
        await page.get_by_text(words).first.wait_for()
    connections[0].send(
        json.dumps({"type": "error", "code": "recognition_off", "error": "-", "retryable": True})
    )
    await connections[0].close(code=1013)
    await page.get_by_role("alert").get_by_text("Recognition is switched off").wait_for()
    await opened.state("idle")
    assert opened.complaints == []
