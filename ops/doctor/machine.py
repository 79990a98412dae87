"""Whether the operator's machine has what the work on a stack needs."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ops.console.errors import CommandFailedError
from ops.console.paths import project_root
from ops.doctor.finding import Finding, ok
from ops.status.certificate import days_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.doctor.finding import Check
    from ops.stack import StackOutputs

OLDEST_PYTHON: Final = (3, 11)
PROGRAM_SECONDS: Final = 20.0
TOOLS: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "pulumi": (("version",), "stacks in AWS are read and changed with it"),
    "aws": (("--version",), "docs/deploy.md uses it"),
    "docker": (("--version",), "the gateway's image is built with it"),
}
"""Program -> how it tells its version, and what needs it."""
WARN_DAYS: Final = 30
"""As the stack's own alarm on its certificate."""
FAIL_DAYS: Final = 7


def checks(outputs: StackOutputs | None, *, is_local: bool) -> Iterator[tuple[str, Check]]:
    """Yield the checks that need no account.

    Args:
        outputs: Of the stack; None where they cannot be read.
        is_local: Whether the stack runs on this machine, which then needs no tools of AWS.
    """
    yield "python", python
    for name in () if is_local else TOOLS:
        yield name, lambda name=name: tool(name)  # type: ignore[misc]  # the default is its type
    if outputs is not None:
        yield "name", lambda: resolves(outputs)
        yield "certificate", lambda: certificate(outputs)


def python() -> Finding:
    """Look at the Python that runs this, and whether it is the checkout's own."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding(
            name="python",
            level="fail",
            detail=version,
            advice="install Python 3.11 or newer and run `make setup`",
        )
    own = project_root() / ".venv"
    if own.is_dir() and not own.samefile(sys.prefix):
        return Finding(
            name="python",
            level="warn",
            detail=f"{version} of {sys.prefix}, not of this checkout's .venv",
            advice="run .venv/bin/perch, whose packages are the locked ones",
        )
    return ok("python", f"{version} of {sys.prefix}")


def tool(name: str) -> Finding:
    """Look for a program and ask its version."""
    arguments, why = TOOLS[name]
    path = shutil.which(name)
    if path is None:
        return Finding(
            name=name, level="warn", detail="not on the PATH", advice=f"install it: {why}"
        )
    try:
        done = subprocess.run(
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            name=name, level="fail", detail=f"{path}: {error}", advice=f"install it anew: {why}"
        )
    said = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    if done.returncode or said is None:
        return Finding(
            name=name,
            level="fail",
            detail=f"{path} does not tell its version (exit code {done.returncode})",
            advice=f"install it anew: {why}",
        )
    return ok(name, f"{said[0]} at {path}")


def resolves(outputs: StackOutputs) -> Finding:
    """Look the endpoint's name up."""
    host = str(urlsplit(outputs.endpoint_url).hostname)
    try:
        found = {item[4][0] for item in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError as error:
        return Finding(
            name="name",
            level="fail",
            detail=f"{host} does not resolve: {error.strerror}",
            advice=f"point it at {outputs.load_balancer_dns_name}, or see to this machine's DNS",
        )
    return ok("name", f"{host} has {len(found)} address(es)")


def certificate(outputs: StackOutputs) -> Finding:
    """Look at the certificate of the endpoint."""
    try:
        days = days_left(outputs)
    except CommandFailedError as error:
        return Finding(
            name="certificate",
            level="fail",
            detail=error.format_message(),
            advice="`perch status` says whether there are healthy targets; the stack's file, who "
            "may reach the endpoint (access.allowed_cidrs)",
        )
    if days >= WARN_DAYS:
        return ok("certificate", f"valid for {days} more days")
    return Finding(
        name="certificate",
        level="warn" if days >= FAIL_DAYS else "fail",
        detail=f"valid for {days} more days",
        advice="see in ACM why it was not renewed, or import its successor",
    )
