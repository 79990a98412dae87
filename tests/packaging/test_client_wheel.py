"""The Python client as an application's developer gets it: a wheel, in an environment of its own.

Its dependencies are those that uv.lock pins. Not proved here: that an index takes the wheel, and
that newer dependencies work as well.
"""

import asyncio
import re
import ssl
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import trustme

import app.client
from app.client import read_audio
from tests.support.gateways.breaking import RATE, SEGMENT_BYTES, breaking
from tests.support.gateways.processes import Running, emulator, gateway
from tests.support.uv import ROOT, installed, run_with_uv
from tests.support.words import bare, spoken_text

README = ROOT / "packaging" / "client" / "README.md"
SPOKEN = ROOT / "tests" / "fixtures" / "clean_us_f.flac"
WORDS = bare(spoken_text(SPOKEN.name))
SERVER_SIDE = {"grpcio", "nvidia-riva-client", "uvicorn", "starlette", "pulumi", "moto", "boto3"}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("client-wheel"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run_with_uv(["uv", "build", "--wheel", "--package", "perch-client", "--out-dir", str(folder)])
    (made,) = folder.glob("*.whl")
    return made


def environment(folder: Path, wheel: Path, *extras: str) -> Path:
    """An environment with the wheel and its dependencies alone, as its Python."""
    own = {"UV_PROJECT_ENVIRONMENT": str(folder)}
    sync = "uv sync --locked --no-dev --package perch-client --no-install-workspace --python"
    run_with_uv([*sync.split(), sys.executable, *extras], environment=own)
    python = folder / "bin" / "python"
    pip = ["uv", "pip", "--quiet"]
    run_with_uv([*pip, "install", "--no-deps", "--python", str(python), str(wheel)])
    run_with_uv([*pip, "check", "--python", str(python)])
    return python


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("plain") / "venv", wheel)


@pytest.fixture(scope="module")
def with_files(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("files") / "venv", wheel, "--extra", "files")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with (
        emulator(tmp_path_factory.mktemp("emulator")) as recogniser,
        gateway(recogniser, tmp_path_factory.mktemp("gateway")) as ready,
    ):
        yield ready


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def run(python: Path, folder: Path, program: str, *arguments: str) -> str:
    (folder / "program.py").write_text(program)
    done = subprocess.run(
        [python, "-I", "program.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_needs_nothing_of_the_server(plain: Path, with_files: Path) -> None:
    assert set(installed(plain)) - {"perch-client"} == {
        "annotated-types",
        "pydantic",
        "pydantic-core",
        "typing-extensions",
        "typing-inspection",
        "websockets",
    }
    assert {"numpy", "soundfile", "soxr"} <= installed(with_files).keys()
    assert not SERVER_SIDE & installed(with_files).keys()


def test_takes_no_name_that_could_be_another_ones(plain: Path) -> None:
    (packages,) = plain.parents[1].glob("lib/python*/site-packages")
    assert (packages / "perch_client" / "py.typed").exists()
    assert not [name for name in ("app", "ops", "infra") if (packages / name).exists()]


def test_offers_what_the_repositorys_client_offers(plain: Path, tmp_path: Path) -> None:
    program = (
        "import perch_client, sys\n"
        "assert all(hasattr(perch_client, name) for name in perch_client.__all__)\n"
        "assert 'numpy' not in sys.modules\n"
        "print(*perch_client.__all__)\n"
    )
    assert run(plain, tmp_path, program).split() == app.client.__all__


def test_has_the_version_of_the_repository(plain: Path) -> None:
    text = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.+)"$', text, re.MULTILINE)
    assert installed(plain)["perch-client"] == version


def test_says_what_to_install_where_a_file_cannot_be_read(plain: Path, tmp_path: Path) -> None:
    program = (
        "import perch_client\n"
        "try: perch_client.read_audio('speech.flac')\n"
        "except ImportError as error: print(error)\n"
    )
    (tmp_path / "speech.flac").write_bytes(SPOKEN.read_bytes())
    assert "install perch-client[files]" in run(plain, tmp_path, program)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_readmes_live_example_hears_speech(
    plain: Path, tmp_path: Path, running: Running
) -> None:
    audio = read_audio(SPOKEN)
    with wave.open(str(tmp_path / "speech.wav"), "wb") as sound:
        sound.setparams((1, 2, audio.sample_rate, 0, "NONE", "not compressed"))
        sound.writeframes(audio.data)
    live, _ = examples()
    heard = await asyncio.to_thread(run, plain, tmp_path, live, running.websocket_url, "speech.wav")
    assert bare(heard) == WORDS


@pytest.mark.asyncio(loop_scope="module")
async def test_the_readmes_live_example_trusts_the_authority_that_is_named(
    plain: Path, tmp_path: Path
) -> None:
    own = trustme.CA()
    own.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.issue_cert("127.0.0.1").configure_cert(context)
    with wave.open(str(tmp_path / "speech.wav"), "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(2 * SEGMENT_BYTES))
    live, _ = examples()
    async with breaking((), tls=context) as gateway:
        words = (gateway.url, "speech.wav", "ca.pem")
        heard = await asyncio.to_thread(run, plain, tmp_path, live, *words)
    assert len(heard.split()) == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_the_readmes_example_of_a_whole_recording_hears_speech(
    with_files: Path, tmp_path: Path, running: Running
) -> None:
    _, whole = examples()
    heard = await asyncio.to_thread(
        run, with_files, tmp_path, whole, running.websocket_url, str(SPOKEN)
    )
    assert bare(heard) == WORDS


def test_the_readmes_examples_type_check_against_what_was_installed(
    with_files: Path, tmp_path: Path
) -> None:
    for number, example in enumerate(examples()):
        (tmp_path / f"example_{number}.py").write_text(example)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(with_files)]
    done = subprocess.run(
        [*mypy, "--cache-dir", str(tmp_path / "cache"), *sorted(tmp_path.glob("*.py"))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
