"""`make setup` where people have it hard: behind a proxy that inspects TLS, without a home.

The Makefile is the repository's; what it installs is one small wheel, so that a run takes no
network. That pypi.org is reached through such a proxy is not proved here, nor macOS's keychain.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

import pytest

from tests.support.inspecting_proxy import HOST, InspectingProxy, inspecting_proxy, wheel
from tests.support.tools import need

ROOT: Final = Path(__file__).resolve().parents[2]
TINY: Final = wheel("tiny", "1.0", {"tiny.py": "HERE = True\n"})
PROJECT: Final = f"""\
[project]
name = "checkout"
version = "0"
requires-python = ">=3.11"
dependencies = ["tiny"]

[tool.uv]
package = false

[[tool.uv.index]]
url = "https://{HOST}/simple"
default = true
"""
LOCK: Final = f"""\
version = 1
requires-python = ">=3.11"

[[package]]
name = "checkout"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "tiny" }}]

[package.metadata]
requires-dist = [{{ name = "tiny" }}]

[[package]]
name = "tiny"
version = "1.0"
source = {{ registry = "https://{HOST}/simple" }}
wheels = [
  {{ url = "https://{HOST}/tiny-1.0-py3-none-any.whl", hash = "sha256:{
    hashlib.sha256(TINY).hexdigest()
}", size = {len(TINY)} }},
]
"""


def uv() -> Path:
    found = next((path for path in (ROOT / ".uv/bin/uv", shutil.which("uv")) if path), None)
    assert found is not None
    assert Path(found).is_file(), "`make setup` puts it there"
    return Path(found).resolve()


@dataclass(frozen=True)
class Checkout:
    """A folder with the Makefile, and the proxy that is the only way out of it."""

    folder: Path
    proxy: InspectingProxy

    def make(
        self, store: Path | None, environment: Mapping[str, str], *words: str
    ) -> subprocess.CompletedProcess[str]:
        """Run make.

        Args:
            store: Folder to lie where the machine keeps its authorities, None for the machine's.
            environment: All of it, beside the way to the proxy.
            words: Further arguments of make.
        """
        command = ["make", "setup", *words]
        if store is not None:
            inside = f'mount --bind {quote(str(store))} /etc/ssl/certs && exec "$@"'
            command = ["unshare", "-rm", "sh", "-c", inside, "sh", *command]
        way = f"http://127.0.0.1:{self.proxy.port}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env={"HTTPS_PROXY": way, "https_proxy": way, "UV_HTTP_RETRIES": "0", **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @property
    def is_set_up(self) -> bool:
        return any(self.folder.glob(".venv/lib/python*/site-packages/tiny.py"))


@pytest.fixture
def wheels() -> dict[str, bytes]:
    return {"tiny-1.0-py3-none-any.whl": TINY}


@pytest.fixture
def checkout(tmp_path: Path, wheels: dict[str, bytes]) -> Iterator[Checkout]:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "uv.lock").write_text(LOCK)
    with inspecting_proxy(wheels) as proxy:
        yield Checkout(folder, proxy)


@pytest.fixture
def store(checkout: Checkout, tmp_path: Path) -> Path:
    """A store of authorities in which the proxy's stands; skips where none can be put in place."""
    tried = subprocess.run(
        [need("unshare", "util-linux"), "-rm", "mount", "--bind", str(tmp_path), "/etc/ssl/certs"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"this machine allows no mount of one's own: {tried.stderr.strip()}")
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "ca-certificates.crt").write_text(checkout.proxy.authority)
    return folder


@pytest.fixture
def with_uv(tmp_path: Path) -> dict[str, str]:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "uv").symlink_to(uv())
    return {"PATH": f"{programs}:/usr/bin:/bin"}


@pytest.mark.tool
@pytest.mark.parametrize("home", ["a home", None, "/sys"], ids=["home", "none", "read-only"])
def test_the_machines_own_authorities_are_believed_whatever_the_home(
    checkout: Checkout, store: Path, with_uv: dict[str, str], tmp_path: Path, home: str | None
) -> None:
    given = {} if home is None else {"HOME": str(tmp_path / home)}
    done = checkout.make(store, with_uv | given, f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stderr
    assert checkout.is_set_up
    assert set(checkout.proxy.asked) == {f"{HOST}:443"}
    cache = checkout.folder / ".uv" / "cache"
    if home == "a home":
        cache = tmp_path / home / ".cache" / "uv"
    assert any(cache.rglob("tiny*"))


@pytest.mark.tool
def test_who_says_otherwise_is_heard(
    checkout: Checkout, store: Path, with_uv: dict[str, str], tmp_path: Path
) -> None:
    given = {"HOME": str(tmp_path), "UV_SYSTEM_CERTS": "false"}
    done = checkout.make(store, with_uv | given, f"PYTHON={sys.executable}")
    assert done.returncode != 0
    assert "UnknownIssuer" in done.stderr
    assert checkout.proxy.asked == []


@pytest.fixture
def pip_serves_uv(wheels: dict[str, bytes], checkout: Checkout, tmp_path: Path) -> dict[str, str]:
    """Serve uv on the index, and say what makes pip ask there."""
    script = f'#!/bin/sh\nexec {quote(str(uv()))} "$@"\n'
    version = next(
        line.partition(":= ")[2]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.startswith("UV_VERSION")
    )
    wheels[f"uv-{version}-py3-none-any.whl"] = wheel(
        "uv", version, {f"uv-{version}.data/scripts/uv": script}
    )
    authority = tmp_path / "authority.pem"
    authority.write_text(checkout.proxy.authority)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "SSL_CERT_FILE": str(authority),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"https://{HOST}/simple",
        "PIP_RETRIES": "0",
    }


@pytest.fixture
def python_with_pip() -> Path:
    python = Path(sys.base_prefix) / "bin" / "python3"
    asked = [str(python), "-m", "pip", "--version"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip(f"{python} has no pip")
    return python


def test_pip_gets_uv_with_the_machines_authorities_where_its_own_do_not_do(
    checkout: Checkout, pip_serves_uv: dict[str, str], python_with_pip: Path
) -> None:
    done = checkout.make(None, pip_serves_uv, f"PYTHON={python_with_pip}")
    assert done.returncode == 0, done.stderr
    assert checkout.is_set_up


@pytest.mark.slow
def test_what_a_version_manager_does_after_pip_and_fails_at_stops_no_setup(
    checkout: Checkout, pip_serves_uv: dict[str, str], python_with_pip: Path, tmp_path: Path
) -> None:
    shim = tmp_path / "python3"
    shim.write_text(
        f'#!/bin/sh\n{quote(str(python_with_pip))} "$@" || exit\n'
        'case "$*" in *"-m pip install"*) echo "cannot rehash: a lock is held" >&2; exit 1;; esac\n'
    )
    shim.chmod(0o755)
    done = checkout.make(None, pip_serves_uv, f"PYTHON={shim}")
    assert done.returncode == 0, done.stderr
    assert checkout.is_set_up
