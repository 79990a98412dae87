"""The gateway's bundle, unpacked as a machine unpacks it into an environment with nothing else.

How a machine fetches and checks it is in tests/infra/boot/test_gateway_install.py. Not proved here:
that it runs on another version of Python than this one, and that another kind of machine than this
one packs the same.
"""

import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

import pytest

from tests.support.uv import ROOT, assert_locked_for_the_gateway, installed, run_with_uv

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gateway-bundle"), pytest.mark.timeout(300)]

BUILT_ELSEWHERE = {"pulumi", "boto3", "moto", "faster-whisper", "onnxruntime", "perch-client"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the bundle was unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    run_with_uv([str(ROOT / "app" / "bundle"), str(folder), sys.executable])
    (bundle,) = folder.glob("perch-gateway-*.tar.gz")
    venv.create(folder / "venv", symlinks=True)
    (packages,) = (folder / "venv").glob("lib/python*")
    with tarfile.open(bundle) as archive:
        members = [each for each in archive if each.name.startswith("./site-packages")]
        archive.extractall(packages, members, filter="data")
    return folder / "venv" / "bin" / "python"


def started(python: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """The gateway in an empty folder, with nothing of this process in its environment."""
    place = python.parents[2] / "empty"
    place.mkdir(exist_ok=True)
    return subprocess.Popen(
        [python, "-m", "app.gateway", *arguments],
        cwd=place,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_holds_what_the_lock_file_pins_for_the_gateway_and_nothing_else(python: Path) -> None:
    assert_locked_for_the_gateway(python)
    assert not BUILT_ELSEWHERE & installed(python).keys()


def test_holds_code_for_the_processors_of_gpu_machines(python: Path) -> None:
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    libraries = [path for path in packages.rglob("*.so*") if path.is_file()]
    assert libraries
    for path in libraries:
        # ELF, 64 bits, little endian, and the two bytes of its machine: 62 is x86-64.
        start = path.read_bytes()[:20]
        assert start[:6] == b"\x7fELF\x02\x01", path
        assert int.from_bytes(start[18:20], "little") == 62, path


def test_is_not_packed_by_a_system_whose_tar_and_sed_know_less(tmp_path: Path) -> None:
    (tmp_path / "uname").write_text("#!/bin/sh\necho Darwin\n")
    (tmp_path / "uname").chmod(0o755)
    done = subprocess.run(
        [ROOT / "app" / "bundle", tmp_path / "build"],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("app/bundle: this is Darwin; accepted: Linux")
    assert not (tmp_path / "build").exists()


def test_says_how_it_is_used(python: Path) -> None:
    process = started(python, "--help")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert output.startswith("Usage: perch gateway")


def test_answers_that_it_lives_and_drains_when_told(python: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    # Nothing listens where the recogniser would be: the gateway is alive all the same.
    recogniser = {"RIVA_HOST": "127.0.0.1", "RIVA_PORT": "1", "RIVA_HTTP_PORT": "1"}
    process = started(python, APP_HOST="127.0.0.1", APP_PORT=port, **recogniser)
    try:
        assert any(lives(port) for _ in range(200))
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output


def lives(port: str) -> bool:
    """One try; waits a little where it fails."""
    address = f"http://127.0.0.1:{port}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        time.sleep(0.2)
        return False
