"""A real chromium with a false microphone, and the page in it, served by a real gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.support.faults.proxy import FaultProxy
from tests.support.gateways.processes import Running, emulator, gateway
from tests.support.tools import need

FIXTURES = Path(__file__).parents[2] / "fixtures"
ARTEFACTS = Path(__file__).parents[3] / "build" / "test-artefacts"
SPOKEN = "mic48k_us_m.flac"
"""Five seconds of one clear voice, for the microphone."""

PAUSE_S = 1.5
"""Silence after each recording that the microphone hears: long enough to settle what was said."""

KEYS = {"APP_RESUME_KEYS": "made-up-key-of-tests-0123456789abcdef"}
"""What gateways share that can go on with each other's sessions."""

# The second half keeps the browser from reaching out to hosts of its maker.
BROWSER_FLAGS = [
    "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP perch 127.0.0.1",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def chromium() -> str:
    return need("chromium", "chromium")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def recogniser(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    del chromium  # no browser, no need to load a model
    async with emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def served(
    recogniser: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    async with gateway(recogniser, tmp_path_factory.mktemp("gateway"), **KEYS) as running:
        yield running


@asynccontextmanager
async def chromium_hearing(chromium: str, at: Path, *names: str) -> AsyncIterator[Browser]:
    """A browser whose microphone hears fixtures, one after another, once."""
    # The false microphone plays WAV only; from FLAC it gives silence without a word.
    parts = [soundfile.read(FIXTURES / name, dtype="int16") for name in names]
    ((rate,)) = {rate for _, rate in parts}
    pause = np.zeros(round(PAUSE_S * rate), np.int16)
    samples = np.concatenate([part for sound, _ in parts for part in (sound, pause)])
    sound = at / "spoken.wav"
    soundfile.write(sound, samples, rate, subtype="PCM_16")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium,
            args=[*BROWSER_FLAGS, f"--use-file-for-fake-audio-capture={sound}%noloop"],
        )
        yield running
        await running.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    async with chromium_hearing(chromium, tmp_path_factory.mktemp("microphone"), SPOKEN) as one:
        yield one


class Door(FaultProxy):
    """One address, behind which gateways come and go; at first the one of all tests."""

    def __init__(self, home: int) -> None:
        super().__init__("127.0.0.1", home)
        self.home = home

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def to_another(
        self, recogniser: Running, folder: Path, **settings: str
    ) -> AsyncIterator[Running]:
        async with gateway(recogniser, folder, **settings) as running:
            self.server_port = running.port
            yield running

    def back_home(self) -> None:
        self.server_port = self.home

    async def cut(self) -> None:
        """Break every connection, and take new ones at once."""
        await self.disable()
        await self.enable()


@pytest_asyncio.fixture(loop_scope="package")
async def door(served: Running) -> AsyncIterator[Door]:
    async with Door(served.port) as door:
        yield door


@dataclass
class Opened:
    """A page, and what the browser complained of while it was open."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def listen(self, message: ConsoleMessage) -> None:
        """Note errors and warnings; a violated content policy is an error."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def text(self) -> str:
        """The settled lines of the transcript."""
        return " ".join(await self.page.locator(".settled .body").all_inner_texts())

    async def state(self, name: str, *, seconds: float = 20) -> None:
        """Wait until the page is idle, opening, live or finishing."""
        await self.page.wait_for_selector(f'body[data-state="{name}"]', timeout=seconds * 1000)

    async def keep(self, name: str) -> None:
        """Keep a picture of the page as a test artefact."""
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"page-{name}.png")


Scheme = Literal["light", "dark"]
OpenPage = Callable[..., Awaitable[Opened]]


@pytest_asyncio.fixture(loop_scope="package")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages, each in a context of its own, and closes them after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(
            origin: str,
            *,
            script: str | None = None,
            microphone: bool = True,
            color_scheme: Scheme = "light",
            width: int = 1180,
            moving: bool = False,
            hearing: Browser = browser,
        ) -> Opened:
            context = await hearing.new_context(
                permissions=["microphone"] if microphone else [],
                color_scheme=color_scheme,
                viewport={"width": width, "height": 760},
                # Drawing the level costs more than all the rest, without a graphics card.
                reduced_motion="no-preference" if moving else "reduce",
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.set_default_timeout(20_000)
            opened = Opened(page)
            page.on("console", opened.listen)
            page.on("pageerror", lambda error: opened.complaints.append(str(error)))
            page.on("request", lambda request: opened.hosts.add(request.url.split("/")[2]))
            if script is not None:
                await page.add_init_script(script)
            await page.goto(f"{origin}/ui")
            return opened

        yield open_one


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def modules(served: Running, browser: Browser) -> AsyncIterator[Page]:
    """A page in which the modules can be imported and asked one by one."""
    page = await browser.new_page()
    await page.goto(f"{served.url}/ui")
    yield page
    await page.close()
