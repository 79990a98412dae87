"""What every test relies on."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi
import coverage
import pytest
from hypothesis import settings

from tests.support.tools import wanting

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from app.emulator.engine.recogniser import WhisperRecogniser
    from app.emulator.recognition import Hypothesis

# No deadline: on a shared machine an example's time says nothing about the code. The same examples
# every run: a failure that comes and goes teaches nobody. Who writes a property tries more of them.
settings.register_profile("perch", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("perch")


_LONGEST_ID = 200


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long value by its length: 20 MB of one were in a test's name, and in each report."""
    if isinstance(val, str | bytes) and len(val) > _LONGEST_ID:
        return f"{argname} of {len(val)}"
    return None


LONGEST: Final = (
    *("engine", "browser", "tests/ops/local/test_up.py", "infra-program", "machine", "client"),
    *("moto", "tests/commands/test_surroundings.py"),
)
"""Groups of tests that one process runs alone, begun first: else the others wait for them."""
MEASURED: Final = "PERCH_COVERAGE"
"""Set to 1, it has branch coverage measured in the workers that run tests, for `make coverage`.
Programs that tests start are not measured."""

if os.environ.get(MEASURED) == "1" and "PYTEST_XDIST_WORKER" in os.environ:
    _coverage = coverage.Coverage(data_suffix=True)
    _coverage.start()
    atexit.register(_coverage.save)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is imported to itself: it stays to the end, and each full collection visits it.

    While six thousand tests are collected that alone takes 5 s of CPU a process.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        # What tests share stays, too, and is much: recordings of stacks, moto. A visit of all of it
        # at every turn took a fifth of the time of the tests that run Pulumi programs.
        gc.set_threshold(50_000, 20, 100)


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return item.location[0] if marker is None else str(marker.args[0])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and a named group's: what they share is started once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(_group(item), len(place)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was skipped for want of a program."""
    skipped = terminalreporter.getreports("skipped")
    for sentence in wanting(str(report.longrepr) for report in skipped):
        terminalreporter.write_line(sentence)


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have HTTP clients know one of the internet's authorities, where no test goes.

    Each client reads all of them when it is made, whatever it asks: 20 ms of CPU, a thousand times.
    """
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERT")
    file = tmp_path_factory.mktemp("authorities") / "one.pem"
    file.write_text(f"{first}{end}IFICATE-----\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(file))
        yield


@pytest.fixture(scope="session")
def engine() -> Iterator[WhisperRecogniser]:
    """The recogniser of real speech, loaded once a process and only where a test hears with it."""
    from app.emulator.engine.recogniser import WhisperRecogniser  # noqa: PLC0415 - loads slowly
    from app.emulator.settings import EmulatorSettings  # noqa: PLC0415

    recogniser = WhisperRecogniser(EmulatorSettings())
    asyncio.run(recogniser.load())
    yield recogniser
    asyncio.run(recogniser.aclose())


@pytest.fixture(scope="session")
def direct_finals(engine: WhisperRecogniser) -> dict[str, list[Hypothesis]]:
    """What the engine itself hears in some fixtures. Takes about 6 s of CPU, once a process."""
    from tests.support.recognisers.speech import FIXTURES, few_clips, hear  # noqa: PLC0415

    return {clip.id: asyncio.run(hear(engine, FIXTURES / clip.file)) for clip in few_clips()}


@pytest.fixture(scope="session")
def every_direct_final(
    engine: WhisperRecogniser, direct_finals: dict[str, list[Hypothesis]]
) -> dict[str, list[Hypothesis]]:
    """What the engine itself hears in every fixture: 9 s of CPU more, for slow tests alone."""
    from tests.support.recognisers.speech import FIXTURES, clips, hear  # noqa: PLC0415

    others = [clip for clip in clips() if clip.id not in direct_finals]
    heard = {clip.id: asyncio.run(hear(engine, FIXTURES / clip.file)) for clip in others}
    return direct_finals | heard
