"""How the gateway's bundle gets onto a machine, with a bundle of one module.

test_machine.py installs and runs the real one.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins.host import Host
from tests.support.boot_settings import BUNDLE, boot_settings

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def packed(version: str = VERSION) -> bytes:
    """A bundle as app/bundle makes them, with one module."""
    files = {"./python-version": f"{version}\n", "./site-packages/greeting.py": "print('hello')\n"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def machine(make_host: MakeHost, bundle: bytes, *, upload: bool = True) -> Host:
    digest = hashlib.sha256(bundle).hexdigest()
    host = make_host(boot_settings(gateway_artifact_sha256=digest))
    (host.folder / "bin" / f"python{VERSION}").symlink_to(sys.executable)
    if upload:
        bucket = host.folder / "standins" / "s3"
        target = bucket / BUNDLE.removeprefix("s3://")
        target.parent.mkdir(parents=True)
        target.write_bytes(bundle)
    return host


def greeting(host: Host) -> str:
    python = host.folder / "opt" / "gateway" / "bin" / "python"
    command = [str(python), "-m", "greeting"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_unpacks_the_bundle_into_an_environment_that_needs_no_pip(make_host: MakeHost) -> None:
    host = machine(make_host, packed())
    done = host.run("install-gateway")
    assert done.returncode == 0, done.stderr
    assert greeting(host) == "hello"
    assert not list((host.folder / "opt").rglob("bundle.tar.gz"))


def test_installs_a_bundle_once(make_host: MakeHost) -> None:
    host = machine(make_host, packed())
    host.run("install-gateway")
    assert host.run("install-gateway").returncode == 0
    assert len(host.calls("s3 cp")) == 1


def test_begins_again_where_an_installation_was_cut_short(make_host: MakeHost) -> None:
    host = machine(make_host, packed())
    host.run("install-gateway")
    (whole,) = (host.folder / "opt" / "releases").glob("*/whole")
    whole.unlink()
    assert host.run("install-gateway").returncode == 0
    assert greeting(host) == "hello"


@pytest.mark.parametrize(
    ("bundle", "upload", "reason"),
    [
        (packed(), False, "gateway_missing"),
        (packed("3.99"), True, "gateway_install_failed"),
        (b"not an archive", True, "gateway_install_failed"),
    ],
    ids=["missing", "for a Python that is not here", "no archive"],
)
def test_says_why_the_gateway_cannot_be_installed(
    make_host: MakeHost, bundle: bytes, upload: bool, reason: str
) -> None:
    host = machine(make_host, bundle, upload=upload)
    done = host.run("install-gateway")
    assert done.returncode == 1
    assert f"reason={reason}:" in done.stderr
    assert host.reason() == reason
    assert not (host.folder / "opt" / "gateway").exists()


def test_refuses_a_bundle_with_another_checksum(make_host: MakeHost) -> None:
    host = machine(make_host, packed())
    done = host.run("install-gateway", PERCH_GATEWAY_SHA256="0" * 64)
    assert done.returncode == 1
    assert host.reason() == "gateway_corrupt"
    assert not Path(host.folder / "opt" / "gateway").exists()
