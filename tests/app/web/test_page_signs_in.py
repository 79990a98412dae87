"""The page at a gateway that asks who speaks: a key is exchanged, and kept in memory alone.

In a real chromium, at a real gateway that hears by the real embedded engine. Does not prove that a
script from elsewhere could not read the page's memory: that none runs there is the content policy's
part.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, Request

from tests.app.web.conftest import KEYS, Door, OpenPage
from tests.support.gateways.processes import Running, gateway

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

KEY = "made-up-token-of-a-test"
NOTES_SUBPROTOCOLS = """(() => {
  window.offered = [];
  const Original = window.WebSocket;
  window.WebSocket = class extends Original {
    constructor(url, protocols) {
      window.offered.push([url, ...(protocols ?? [])]);
      super(url, protocols);
    }
  };
})();"""
KEPT_BY_THE_BROWSER = """async () => JSON.stringify([
  { ...localStorage }, { ...sessionStorage }, document.cookie, await indexedDB.databases(),
  await caches.keys(), document.documentElement.outerHTML,
  [...document.querySelectorAll("input, textarea")].map((field) => field.value),
  performance.getEntries().map((entry) => entry.name), window.location.href, history.state,
])"""


@asynccontextmanager
async def guarded(
    recogniser: Running, folder: Path, door: Door, **settings: str
) -> AsyncIterator[Running]:
    async with gateway(recogniser, folder, APP_AUTH_TOKENS=KEY, **KEYS, **settings) as running:
        door.server_port = running.port
        yield running


async def sign_in(page: Page, key: str) -> None:
    await page.get_by_label("API key or token").fill(key)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_key_is_exchanged_for_each_connection_and_written_nowhere(
    recogniser: Running, open_page: OpenPage, door: Door, tmp_path: Path
) -> None:
    async with guarded(recogniser, tmp_path, door):
        opened = await open_page(door.url, script=NOTES_SUBPROTOCOLS)
        page = opened.page
        asked: list[Request] = []
        page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it marks functions
        await page.get_by_label("API key or token").wait_for()
        await opened.keep("light-sign-in")
        await page.get_by_role("button", name="Start listening").click()
        alert = page.locator("#notice")
        await alert.get_by_text("Sign in first").wait_for()
        for wrong, said in (
            ("", "Sign in first"),
            ("another-made-up-token", "The server does not know this key"),
            ("n\u00f6\u2603", "That is no key or token"),
        ):
            await sign_in(page, wrong)
            await page.locator("#key-problem").get_by_text(said).wait_for()
        await sign_in(page, f" {KEY} ")
        await page.get_by_role("button", name="Sign out").wait_for()
        assert not await page.locator("#login").is_visible()
        assert not await alert.is_visible()
        for _ in range(2):
            await page.get_by_role("button", name="Start listening").click()
            await opened.state("live")
            await page.get_by_role("button", name="Stop").click()
            await opened.state("idle")
        assert KEY not in await page.evaluate(KEPT_BY_THE_BROWSER)
        offered = await page.evaluate("window.offered")
        tokens = [one[2].removeprefix("bearer.") for one in offered]
        assert len(set(tokens)) == 2
        assert all(token.startswith("perch-once.") for token in tokens)
        assert KEY not in str(offered)
        # It travels in the header of that one request alone.
        showing = set()
        for request in asked:
            assert KEY not in request.url
            assert KEY not in (request.post_data or "")
            if KEY in str(await request.all_headers()):
                showing.add(request.url.removeprefix(door.url))
        assert showing == {"/v1/tokens"}
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("API key or token").wait_for()
        await page.get_by_role("button", name="Start listening").click()
        await alert.get_by_text("Sign in first").wait_for()
        # The browser itself notes the answers 401; nothing else is wrong.
        assert all("401" in complaint for complaint in opened.complaints)


async def test_a_session_goes_on_after_a_break_without_another_token(
    recogniser: Running, open_page: OpenPage, door: Door, tmp_path: Path
) -> None:
    async with guarded(recogniser, tmp_path, door):
        opened = await open_page(door.url, script=NOTES_SUBPROTOCOLS)
        page, exchanged = opened.page, []
        await sign_in(page, KEY)
        await page.get_by_role("button", name="Sign out").wait_for()
        page.on(
            "request",
            lambda request: exchanged.append(request.url) if "/v1/tokens" in request.url else None,
        )
        await page.get_by_role("button", name="Start listening").click()
        await opened.state("live")
        # Words are there once a resume token is.
        await page.wait_for_selector(".interim .body:not(:empty), .settled")
        await door.cut()
        await page.get_by_text("no word was lost").wait_for()
        await page.get_by_role("button", name="Stop").click()
        await opened.state("idle")
        first, again = await page.evaluate("window.offered")
        assert first[2].startswith("bearer.perch-once.")
        assert not again[2].startswith("bearer.perch-once.")
        assert len(exchanged) == 1


async def test_a_gateway_that_asks_for_nothing_shows_no_field(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url)
    async with opened.page.expect_response("**/ws/status"):
        await opened.page.reload()
    await opened.page.get_by_role("button", name="Start listening").wait_for()
    assert not await opened.page.locator("#login").is_visible()
    assert opened.complaints == []
