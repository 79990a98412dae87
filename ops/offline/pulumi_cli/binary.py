"""The Pulumi CLI: the one on PATH, or one built from its Go module.

PyPI has the SDK alone, and the CLI's own installer speaks to a host that not everybody reaches;
Go's module proxy has the source. `module/` is the lock file: go.mod pins every version and go.sum
the content of each, which the Go command verifies before it builds.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pulumi.automation import PulumiCommand
from pulumi.automation.errors import InvalidVersionError

from ops.offline.engine.project import CHECKOUT
from ops.offline.errors import OfflineError

PACKAGE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
MODULE: Final = Path(__file__).parent / "module"

_REQUIRED = re.compile(r"^\s*(?:require\s+)?github\.com/pulumi/pulumi/pkg/v3 (v\S+)", re.MULTILINE)
_VERSION_VARIABLE: Final = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
"""What `pulumi version` prints; its own release build sets it the same way (pulumi: Makefile)."""

_INSTALL: Final = (
    "the CLI (https://www.pulumi.com/docs/install/), or Go (https://go.dev/doc/install)"
)

_FAULTS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"checksum mismatch|SECURITY ERROR|missing go\.sum entry",
        "what was fetched is not what go.sum names; do not use it",
    ),
    (
        r"unknown revision|404 Not Found|410 Gone|not found: ",
        "the Go module proxy does not have this version",
    ),
    (
        (
            r"dial tcp|no such host|connection refused|proxyconnect|i/o timeout|TLS handshake"
            r"|certificate|unreachable|502 Bad Gateway|503 Service"
        ),
        "the Go module proxy cannot be reached; see `go env GOPROXY`",
    ),
    (
        r"requires go >= |toolchain not available",
        "this Go is too old; its go.mod names the version",
    ),
    (r"no space left", "the disk is full; the build takes 3 GB"),
)
"""What the Go command says -> what that means here; the first that fits."""


def pinned_version() -> str:
    """Return the version of the CLI that go.mod pins, as `v3.274.1`."""
    found = _REQUIRED.search((MODULE / "go.mod").read_text(encoding="utf-8"))
    if found is None:
        raise OfflineError(f"{MODULE / 'go.mod'}: does not require github.com/pulumi/pulumi/pkg/v3")
    return found[1]


def find(tools: Path = CHECKOUT / ".tools") -> PulumiCommand | None:
    """Return the CLI that is there already, on PATH or built before; None where there is none.

    Raises:
        OfflineError: The one on PATH cannot be used.
    """
    on_path = shutil.which("pulumi")
    if on_path is not None:
        return _command(Path(on_path), root=None)
    built = _root(tools)
    return _command(built / "bin" / "pulumi", root=built) if _is_built(built) else None


def find_or_build(tools: Path = CHECKOUT / ".tools") -> PulumiCommand:
    """Return the CLI, built first where there is none: six minutes on two cores, 130 MB.

    Args:
        tools: Folder that it is kept in.

    Raises:
        OfflineError: There is no Go, its proxy has not what is needed, or the CLI does not run.
    """
    found = find(tools)
    if found is not None:
        return found
    root = _root(tools)
    build(root)
    return _command(root / "bin" / "pulumi", root=root)


def build(root: Path) -> None:
    """Build the pinned CLI as `bin/pulumi` below a folder.

    Raises:
        OfflineError: There is no Go, or it could not build; its last words are in the message.
    """
    go = shutil.which("go")
    version = pinned_version()
    if go is None:
        raise OfflineError(
            f"pulumi: not on PATH, and no `go` to build {version} with; install {_INSTALL}"
        )
    binary = root / "bin" / "pulumi"
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="build-") as folder:
        for name in ("go.mod", "go.sum", "tools.go"):
            shutil.copyfile(MODULE / name, Path(folder) / name)
        made = Path(folder) / "pulumi"
        flags = f"-s -w -X {_VERSION_VARIABLE}={version}"
        done = subprocess.run(
            [go, "build", "-trimpath", f"-ldflags={flags}", "-o", str(made), PACKAGE],
            cwd=folder,
            env={**os.environ, **_environment(os.environ)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            raise OfflineError(f"pulumi {version}: {_fault(done.stderr)}")
        # Only a whole binary ever has its name.
        made.replace(binary)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what makes the build the locked one, whatever a person's Go is set up to do."""
    return {
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        # go.sum has the sum of everything, so nothing is asked of the checksum database.
        "GONOSUMDB": "",
        "GOPROXY": environment.get("GOPROXY", "https://proxy.golang.org,direct"),
    }


def _fault(said: str) -> str:
    last = " ".join(said.split())[-500:]
    for pattern, meaning in _FAULTS:
        if re.search(pattern, said):
            return f"{meaning}. Go said: {last}"
    return f"could not be built. Go said: {last}"


def _root(tools: Path) -> Path:
    return tools / f"pulumi-{pinned_version()}"


def _is_built(root: Path) -> bool:
    return os.access(root / "bin" / "pulumi", os.X_OK)


def _command(path: Path, *, root: Path | None) -> PulumiCommand:
    """Return the SDK's handle of a binary, which starts it once and compares versions."""
    try:
        return PulumiCommand(root=None if root is None else str(root))
    except InvalidVersionError as error:
        raise OfflineError(f"{path}: {error}") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise OfflineError(f"{path}: does not run: {error}; install {_INSTALL}") from None
