"""What happens to a microphone while it is listened to: interrupted, muted, unplugged, taken back.

A browser's false microphone cannot be unplugged nor called on the telephone. Here the browser's own
objects are told that it happened: a real audio graph is halted, a real track is stopped. This does
not prove which of these events a certain telephone sends.
"""

import pytest
from playwright.async_api import Page

from tests.app.web.conftest import SPOKEN, Opened, OpenPage
from tests.support.gateways.processes import Running
from tests.support.words import bare, spoken_text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

WATCHED = """(() => {
  window.graphs = [];
  window.streams = [];
  const Graph = window.AudioContext;
  window.AudioContext = class extends Graph {
    constructor(...options) {
      super(...options);
      window.graphs.push(this);
    }
  };
  const devices = navigator.mediaDevices;
  window.plugged = devices.getUserMedia.bind(devices);
  window.answer = window.plugged;
  devices.getUserMedia = async (wanted) => {
    const stream = await window.answer(wanted);
    window.streams.push(stream);
    return stream;
  };
  window.unplug = (reason = "NotFoundError") => {
    if (reason !== null) window.answer = async () => { throw new DOMException("gone", reason); };
    const [track] = window.streams.at(-1).getTracks();
    track.stop();
    // A page that stops a track itself is not told; one whose device goes is.
    track.dispatchEvent(new Event("ended"));
  };
  window.plugIn = () => {
    window.answer = window.plugged;
    devices.dispatchEvent(new Event("devicechange"));
  };
  window.mute = (muted) => {
    const [track] = window.streams.at(-1).getTracks();
    Object.defineProperty(track, "muted", { value: muted, configurable: true });
    track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
  };
})();"""

SILENT_DEVICE = """(() => {
  navigator.mediaDevices.getUserMedia = async () =>
    new AudioContext().createMediaStreamDestination().stream;
})();"""

SENT_MORE = """(before) => document.getElementById("figure-audio").textContent > before"""


async def listening(open_page: OpenPage, served: Running, script: str = WATCHED) -> Opened:
    opened = await open_page(served.url, script=script)
    await opened.page.get_by_role("button", name="Start listening").click()
    await opened.state("live")
    return opened


async def hinted(page: Page, words: str) -> None:
    await page.locator("#hint").get_by_text(words).wait_for()


async def status(page: Page) -> str:
    return await page.locator("#status").inner_text()


async def hears_again(page: Page) -> None:
    await hinted(page, "The microphone is heard again")
    assert await status(page) == "Listening"
    before = await page.locator("#figure-audio").inner_text()
    await page.wait_for_function(SENT_MORE, arg=before)


@pytest.mark.slow
async def test_a_halted_audio_graph_is_set_going_again_by_the_page_itself(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    await opened.page.evaluate("graphs[0].suspend()")
    await opened.page.wait_for_function("() => graphs[0].state === 'running'")
    await opened.page.wait_for_selector(".settled")
    await opened.page.get_by_role("button", name="Stop").click()
    await opened.state("idle")
    # What was spoken in the moment of the interruption may be missing; the rest is not.
    assert bare(await opened.text())[-3:] == bare(spoken_text(SPOKEN))[-3:]
    assert opened.complaints == []


@pytest.mark.slow
async def test_an_interruption_that_lasts_is_told_until_a_touch_ends_it(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    page = opened.page
    await page.evaluate(
        "graphs[0].resume = async () => { throw new DOMException('a call', 'InvalidStateError'); };"
        "graphs[0].suspend()"
    )
    await hinted(page, "The microphone is interrupted")
    assert await status(page) == "Not hearing anything"
    await opened.keep("light-interrupted")
    await page.evaluate("delete graphs[0].resume")
    await page.mouse.click(5, 5)
    await hears_again(page)


async def test_another_microphone_takes_over_from_one_that_was_unplugged(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    page = opened.page
    await page.evaluate("unplug(null)")
    await page.wait_for_function("() => streams.length === 2")
    before = await page.locator("#figure-audio").inner_text()
    await page.wait_for_function(SENT_MORE, arg=before)
    await page.get_by_role("button", name="Stop").click()
    await opened.state("idle")
    assert not await page.get_by_role("alert").is_visible()


@pytest.mark.slow
async def test_an_unplugged_microphone_is_waited_for_and_heard_when_it_is_back(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    await opened.page.evaluate("unplug()")
    await hinted(opened.page, "The microphone is gone")
    assert await status(opened.page) == "Not hearing anything"
    await opened.page.evaluate("plugIn()")
    await hears_again(opened.page)


@pytest.mark.slow
async def test_who_does_not_wait_for_a_microphone_has_the_last_words_and_is_told_why(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    page = opened.page
    await page.wait_for_selector(".interim .body:not(:empty)")
    await page.evaluate("unplug()")
    await page.get_by_role("button", name="Do not wait").click()
    await opened.state("idle")
    assert "The microphone is gone" in await page.get_by_role("alert").inner_text()
    assert bare(await opened.text())[:1] == bare(spoken_text(SPOKEN))[:1]
    await page.evaluate("plugIn()")
    await page.get_by_role("button", name="Try again").click()
    await opened.state("live")
    assert not await page.get_by_role("alert").is_visible()


@pytest.mark.slow
async def test_a_microphone_that_a_person_took_back_is_not_asked_for_again_and_again(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    await opened.page.evaluate("unplug('NotAllowedError')")
    await opened.state("idle")
    alert = opened.page.get_by_role("alert")
    assert "The microphone is blocked" in await alert.inner_text()


async def test_a_muted_microphone_is_told_for_as_long_as_it_is_muted(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    await opened.page.evaluate("mute(true)")
    await hinted(opened.page, "The microphone is muted")
    assert not await opened.page.get_by_role("button", name="Do not wait").is_visible()
    await opened.page.evaluate("mute(false)")
    await hears_again(opened.page)


@pytest.mark.slow
async def test_a_microphone_that_gives_only_zeros_is_asked_about(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served, SILENT_DEVICE)
    await hinted(opened.page, "gives no sound at all")
    assert await status(opened.page) == "Not hearing anything"


@pytest.mark.slow
async def test_a_tab_that_was_frozen_in_the_background_goes_on(
    served: Running, open_page: OpenPage
) -> None:
    opened = await listening(open_page, served)
    browser = await opened.page.context.new_cdp_session(opened.page)
    await browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    await browser.send("Page.setWebLifecycleState", {"state": "active"})
    before = await opened.page.locator("#figure-audio").inner_text()
    await opened.page.wait_for_function(SENT_MORE, arg=before)
    assert await status(opened.page) == "Listening"


HEARING = """async (steps) => {
  const { Hearing } = await import("/static/hearing.js");
  const hearing = new Hearing(0);
  return steps.map(([at, block, device]) => {
    if (block !== null) hearing.heard(Float32Array.from(block), at);
    const well = { lost: false, running: true, track: { muted: false } };
    const found = hearing.obstacle({ ...well, ...device }, at);
    return [found, hearing.absence(at)];
  });
}"""

SOUND, ZEROS = [0.0, 0.1], [0.0, 0.0]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([[0, SOUND, {}], [2900, None, {}]], [[None, 0], [None, 0]]),
        ([[0, SOUND, {}], [3100, None, {}], [5000, None, {}]],
         [[None, 0], ["interrupted", 0], ["interrupted", 1900]]),
        ([[0, SOUND, {"running": False}], [9, SOUND, {}]], [["interrupted", 0], [None, 0]]),
        ([[0, SOUND, {"lost": True}], [700, None, {"lost": True}]], [["gone", 0], ["gone", 700]]),
        ([[0, ZEROS, {"track": {"muted": True}}]], [["muted", 0]]),
        ([[2000, ZEROS, {}], [4000, ZEROS, {}], [5100, ZEROS, {}], [5200, SOUND, {}]],
         [[None, 0], [None, 0], ["soundless", 0], [None, 0]]),
        # Being away is not being silent: the silence counts anew from the return.
        ([[0, SOUND, {"running": False}], [8000, None, {"running": False}],
          [8100, ZEROS, {}], [12900, ZEROS, {}], [13100, ZEROS, {}]],
         [["interrupted", 0], ["interrupted", 8000], [None, 0], [None, 0], ["soundless", 0]]),
    ],
    ids=["slow", "stalled", "halted", "lost", "muted", "zeros", "back"],
)  # fmt: skip
async def test_what_keeps_a_microphone_from_being_heard_is_judged_by_device_and_sound(
    modules: Page, steps: list[object], found: list[list[object]]
) -> None:
    assert await modules.evaluate(HEARING, steps) == found
