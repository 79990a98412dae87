"""Autobahn's cases: getting them, and running them against a server."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
TOOLS: Final = ROOT / ".tools" / "conformance"
PYTHON: Final = TOOLS / "venv" / "bin" / "python"
CASES: Final = TOOLS / "websocket_cases"
REQUIREMENTS: Final = HERE / "requirements.txt"
RUN_S: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case.

    Attributes:
        id: As Autobahn numbers it.
        behavior: Its judgement of what was said.
        close: Its judgement of how the connection was closed.
        code: Close code of the server, where there was one.
        detail: Its sentence.
        seconds: How long it took.
    """

    id: str
    behavior: str
    close: str
    code: int | None
    detail: str
    seconds: float

    @property
    def deviates(self) -> bool:
        """Whether it is anything but right in every respect."""
        return (self.behavior, self.close) != ("OK", "OK")


def prepare(uv: str) -> None:
    """Install the cases and what runs them, by hash, and convert them; once for each set of pins.

    Raises:
        subprocess.CalledProcessError: The package index cannot be reached, or a hash is wrong.
    """
    stamp = TOOLS / "pins"
    pins = REQUIREMENTS.read_text() + (HERE / "convert.py").read_text()
    if stamp.is_file() and stamp.read_text() == pins:
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python"]
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, TOOLS / "venv"], check=True)
    pinned = ["--requirements", str(REQUIREMENTS)]
    subprocess.run([*install, str(PYTHON), *pinned], check=True)
    source = _installed() / "case"
    subprocess.run([PYTHON, HERE / "convert.py", source, CASES], check=True)
    stamp.write_text(pins)


def run(url: str, sections: Sequence[str]) -> list[Outcome]:
    """Run the cases of sections, or single ones, against a server.

    Raises:
        subprocess.CalledProcessError: The driver itself failed.
    """
    told = ["--url", url, "--cases", str(CASES), "--testdata", str(_installed() / "testdata")]
    # The cases are full of escapes that today's Python frowns upon.
    ended = subprocess.run(
        [str(PYTHON), "-W", "ignore", str(HERE / "driver.py"), *told, "--sections", *sections],
        check=True,
        stdout=subprocess.PIPE,
        timeout=RUN_S,
    )
    return [Outcome(**outcome) for outcome in json.loads(ended.stdout)]


@contextmanager
def server(limit_mb: float) -> Iterator[str]:
    """Serve the echo; gives its address."""
    command = [sys.executable, "-m", "tests.conformance.echo", str(limit_mb)]
    # Nothing of this machine's own settings, from neither the environment nor a file.
    foreign = ("APP_", "AUDIO_", "LOG_", "NIM_", "RIVA_", "WS_")
    own = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    with subprocess.Popen(
        command,
        cwd=TOOLS,
        env={**own, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port, "the echo server did not start"
            yield f"ws://127.0.0.1:{port}/echo"
        finally:
            process.terminate()


def _installed() -> Path:
    version = sysconfig.get_python_version()
    return TOOLS / "venv" / "lib" / f"python{version}" / "site-packages" / "autobahntestsuite"
