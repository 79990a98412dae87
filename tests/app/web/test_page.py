"""The page in a real chromium, served by a real gateway, hearing by the real embedded engine.

Does not prove that other browsers do the same, nor that a person finds it good to look at: for that
the pictures are kept in build/test-artefacts.
"""

import base64
import json
from pathlib import Path

import pytest

from app.client import connect
from tests.app.web.conftest import FIXTURES, SPOKEN, Door, OpenPage
from tests.support.gateways.processes import Running, gateway
from tests.support.words import bare, spoken_text

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.asyncio(loop_scope="package"),
]

RECORDING = "clean_us_f.flac"
NO_DEVICE = """navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Requested device not found", "NotFoundError");
};"""
OWN_RATE_ONLY = """(() => {
  // As Firefox does: a microphone connects only to a graph that runs at the microphone's rate.
  const original = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = function (stream) {
    if (this.sampleRate === 16000) throw new DOMException("different rates", "NotSupportedError");
    window.usedRate = this.sampleRate;
    return original.call(this, stream);
  };
})();"""


async def test_speech_into_the_microphone_becomes_settled_words_with_times(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url, color_scheme="dark")
    page = opened.page
    await opened.keep("dark-idle")
    await page.get_by_role("button", name="Start listening").click()
    await opened.state("live")
    await page.wait_for_selector(".interim .body:not(:empty)")
    await opened.keep("dark-interim")
    await page.wait_for_selector(".settled")
    await page.get_by_role("button", name="Stop").click()
    await opened.state("idle")
    assert bare(await opened.text()) == bare(spoken_text(SPOKEN))

    first = page.locator(".word").first
    await first.hover()
    tip = await page.get_by_role("tooltip").inner_text()
    assert " s" in tip
    assert tip[0].isdigit()
    await opened.keep("dark-words")
    assert (await page.locator("#figure-first").inner_text()) != "—"
    assert (await page.locator("#figure-audio").inner_text()) != "0:00"
    assert opened.complaints == []
    assert opened.hosts == {f"127.0.0.1:{served.port}"}


@pytest.mark.slow
async def test_a_microphone_that_keeps_its_own_rate_is_resampled_and_heard_as_well(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url, script=OWN_RATE_ONLY, moving=True)
    await opened.page.get_by_role("button", name="Start listening").click()
    await opened.page.wait_for_selector(".settled")
    await opened.page.get_by_role("button", name="Stop").click()
    await opened.state("idle")
    assert await opened.page.evaluate("window.usedRate") in {44100, 48000}
    assert bare(await opened.text()) == bare(spoken_text(SPOKEN))
    assert opened.complaints == []


async def test_a_chosen_recording_is_transcribed_copied_and_saved(
    served: Running, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = await open_page(served.url)
    page = opened.page
    await opened.keep("light-idle")
    await page.get_by_text("Options", exact=True).click()
    await page.get_by_label("Send recordings in real time").uncheck()
    await page.keyboard.press("Escape")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / RECORDING)
    await page.wait_for_selector(".settled")
    await opened.state("idle")
    assert bare(await opened.text()) == bare(spoken_text(RECORDING))
    await opened.keep("light-transcript")

    async with page.expect_download() as saved:
        await page.get_by_role("button", name="Save with times").click()
    path = tmp_path / "transcript.json"
    await (await saved.value).save_as(path)
    segments = json.loads(path.read_text())
    words = [word for segment in segments for word in segment["words"]]
    assert bare(" ".join(word["word"] for word in words)) == bare(spoken_text(RECORDING))
    assert all(0 <= word["start"] <= word["end"] <= 8.5 for word in words)
    assert opened.complaints == []


@pytest.mark.slow
async def test_a_dropped_recording_is_transcribed(served: Running, open_page: OpenPage) -> None:
    opened = await open_page(served.url)
    octets = base64.b64encode((FIXTURES / RECORDING).read_bytes()).decode()
    await opened.page.evaluate("document.getElementById('paced').checked = false")
    await opened.page.evaluate(
        """(octets) => {
          const bytes = Uint8Array.from(atob(octets), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "dropped.flac", { type: "audio/flac" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        octets,
    )
    await opened.page.wait_for_selector(".settled")
    await opened.state("idle")
    assert bare(await opened.text()) == bare(spoken_text(RECORDING))


async def test_everything_can_be_reached_and_used_by_keyboard(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url)
    page = opened.page
    await page.evaluate("document.getElementById('paced').checked = false")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / RECORDING)
    await page.wait_for_selector(".settled")
    await opened.state("idle")
    await page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(9):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate("document.activeElement.id || document.activeElement.className")
        )
    summary = "quiet"
    assert reached == [
        *(summary, "word", "record", "file"),
        *("copy", "save-text", "save-json", "clear", ""),
    ]

    await page.locator(".word").first.focus()
    await page.keyboard.press("End")
    focused = page.locator(".word:focus")
    assert bare(await focused.inner_text()) == bare(spoken_text(RECORDING))[-1:]
    tip = page.get_by_role("tooltip")
    assert await focused.get_attribute("aria-describedby") == await tip.get_attribute("id")
    await page.keyboard.press("ArrowLeft")
    await opened.keep("light-keyboard")
    await page.keyboard.press("Escape")
    assert not await tip.is_visible()


@pytest.mark.slow
async def test_settled_text_is_read_out_and_interim_text_is_not(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url)
    page = opened.page
    await page.evaluate("document.getElementById('paced').checked = false")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / RECORDING)
    await page.wait_for_selector(".settled")
    await opened.state("idle")
    announced = await page.locator("[aria-live=polite]").all_text_contents()
    assert bare(" ".join(announced)) == bare(spoken_text(RECORDING))
    assert await page.locator("[aria-live] .line, [role=log] .line").count() == 0


@pytest.mark.slow
async def test_a_refused_microphone_is_explained_and_recordings_still_work(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url, microphone=False)
    page = opened.page
    await page.get_by_role("button", name="Start listening").click()
    alert = page.get_by_role("alert")
    await alert.get_by_text("The microphone is blocked").wait_for()
    assert "Allow it in the browser's site settings" in await alert.inner_text()
    await opened.state("idle")
    assert not await page.get_by_role("button", name="Try again").is_visible()
    await opened.keep("light-microphone-refused")
    await page.get_by_role("button", name="Dismiss").click()
    assert not await alert.is_visible()
    await page.evaluate("document.getElementById('paced').checked = false")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / RECORDING)
    await page.wait_for_selector(".settled")


@pytest.mark.slow
async def test_a_machine_without_a_microphone_is_told_so(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url, script=NO_DEVICE)
    await opened.page.get_by_role("button", name="Start listening").click()
    await opened.page.get_by_role("alert").get_by_text("No microphone found").wait_for()


@pytest.mark.slow
async def test_a_page_without_a_secure_context_says_why_there_is_no_microphone(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(f"http://perch:{served.port}", microphone=False)
    await opened.page.get_by_role("button", name="Start listening").click()
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("The microphone needs a secure page").wait_for()
    assert "https" in await alert.inner_text()


async def test_a_file_that_is_no_sound_is_refused_by_its_name(
    served: Running, open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "<b>notes.wav"
    path.write_text("not a sound")
    opened = await open_page(served.url)
    await opened.page.get_by_label("Open a recording").set_input_files(path)
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("The recording could not be read").wait_for()
    assert "<b>notes.wav is not a sound file" in await alert.inner_text()


@pytest.mark.slow
async def test_a_full_server_gives_a_place_in_the_queue_and_says_when_the_queue_is_full_too(
    recogniser: Running, open_page: OpenPage, tmp_path: Path
) -> None:
    places = {"WS_MAX_CONCURRENT_SESSIONS": "1", "WS_WAITING_ROOM": "1"}
    async with gateway(recogniser, tmp_path, **places) as full:
        first, second = await open_page(full.url), await open_page(full.url)
        async with connect(full.websocket_url) as other:
            await other.start()
            await first.page.get_by_role("button", name="Start listening").click()
            await first.page.get_by_text("waiting as number 1").wait_for()
            assert await first.page.locator("#status").inner_text() == "Waiting for a place"
            await first.keep("light-queued")
            await second.page.get_by_role("button", name="Start listening").click()
            alert = second.page.get_by_role("alert")
            await alert.get_by_text("The server is busy").wait_for()
            assert "all 1 sessions are in use" in await alert.inner_text()
            await second.keep("light-busy")
            await second.state("idle")
        await first.state("live")
        assert not await first.page.locator("#hint").is_visible()
        await first.page.get_by_role("button", name="Stop").click()
        await first.state("idle")
        await second.page.get_by_role("button", name="Try again", exact=True).click()
        await second.state("live")
        assert not await alert.is_visible()


@pytest.mark.slow
async def test_nobody_at_the_other_end_is_explained(open_page: OpenPage, door: Door) -> None:
    opened = await open_page(door.url)
    await door.disable()
    await opened.page.get_by_role("button", name="Start listening").click()
    await opened.page.get_by_role("alert").get_by_text("The server cannot be reached").wait_for()


@pytest.mark.slow
async def test_what_the_recogniser_refuses_ends_the_session_with_its_words(
    recogniser: Running, open_page: OpenPage, tmp_path: Path
) -> None:
    async with gateway(recogniser, tmp_path, RIVA_LANGUAGE_CODE="xx-XX") as foreign:
        opened = await open_page(foreign.url)
        await opened.page.get_by_role("button", name="Start listening").click()
        alert = opened.page.get_by_role("alert")
        await alert.get_by_text("The server could not do that").wait_for()
        assert "no model for the language" in await alert.inner_text()
        await opened.state("idle")


@pytest.mark.slow
async def test_an_option_the_gateway_does_not_take_is_named(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url)
    await opened.page.get_by_text("Options", exact=True).click()
    await opened.page.get_by_label("Words to expect").fill("x" * 101)
    await opened.keep("light-options")
    await opened.page.keyboard.press("Escape")
    await opened.page.get_by_role("button", name="Start listening").click()
    alert = opened.page.get_by_role("alert")
    await alert.get_by_text("The server could not do that").wait_for()
    assert "hotwords" in await alert.inner_text()


async def test_a_small_screen_shows_everything_without_scrolling_sideways(
    served: Running, open_page: OpenPage
) -> None:
    opened = await open_page(served.url, width=360)
    page = opened.page
    await page.evaluate("document.getElementById('paced').checked = false")
    await page.get_by_label("Open a recording").set_input_files(FIXTURES / RECORDING)
    await page.wait_for_selector(".settled")
    await opened.state("idle")
    await opened.keep("light-phone")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
