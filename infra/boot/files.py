"""The files a machine is given: scripts and units of this folder, and what the settings make."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from infra.boot.agent import log_agent_config
from infra.boot.environment import (
    boot_environment,
    container_file,
    environment_file,
    stop_seconds,
)
from infra.boot.gateway import gateway_environment, recogniser_environment
from infra.boot.sandbox import directives, sandboxed
from infra.boot.settings import MachineSettings

HERE: Final = Path(__file__).parent
LIBRARY: Final = "/usr/local/lib/perch"
UNITS: Final = "/etc/systemd/system"

_EXPORTER_UNIT: Final = "perch-exporter.service"
_PEERS: Final = "IPAddressAllow=localhost"
"""Whom the exporter's unit lets in and out."""

_KEPT: Final = 128
"""Stripped texts that are kept: both colours of a stack have the same, twice over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFile:
    """One file on the machine.

    Attributes:
        path: absolute.
        mode: permission bits, such as 0o755.
        content: ASCII text.
    """

    path: str
    mode: int
    content: str


def host_files(settings: MachineSettings) -> tuple[HostFile, ...]:
    """Return every file the machine needs beyond its AMI, in a fixed order."""
    return (*settings_files(settings), *_scripts(settings), *_units(settings))


def unit_names(settings: MachineSettings) -> tuple[str, ...]:
    """Return the units to enable: those that say what wants them; others are started by name."""
    return tuple(
        file.path.removeprefix(f"{UNITS}/")
        for file in _units(settings)
        if "\n[Install]\n" in file.content
    )


def settings_files(settings: MachineSettings) -> Iterator[HostFile]:
    """Yield the files that say what the settings say, without any script or unit."""
    yield HostFile(
        path="/etc/perch/boot.env", mode=0o644, content=environment_file(boot_environment(settings))
    )
    yield HostFile(
        path="/etc/perch/gateway.env",
        mode=0o644,
        content=environment_file(gateway_environment(settings)),
    )
    yield HostFile(
        path="/etc/perch/asr.env",
        mode=0o644,
        content=container_file(recogniser_environment(settings)),
    )
    yield HostFile(
        path="/etc/perch/cloudwatch-agent.json", mode=0o644, content=log_agent_config(settings)
    )
    for name, folder in (("perch.tmpfiles", "tmpfiles.d"), ("perch.sysusers", "sysusers.d")):
        yield HostFile(
            path=f"/etc/{folder}/perch.conf", mode=0o644, content=_read(HERE / "host" / name)
        )
    yield HostFile(
        path="/etc/logrotate.d/perch", mode=0o644, content=_read(HERE / "host" / "perch.logrotate")
    )


def _scripts(settings: MachineSettings) -> Iterator[HostFile]:
    for source in _chosen(HERE / "scripts", settings):
        yield HostFile(
            path=f"{LIBRARY}/{_plain_name(source)}",
            mode=0o755,
            content=without_comments(_read(source)),
        )


def _units(settings: MachineSettings) -> Iterator[HostFile]:
    sandbox = tuple(directives(_read(HERE / "host" / "perch.sandbox")))
    for source in _chosen(HERE / "units", settings):
        content = sandboxed(without_comments(_read(source)), sandbox)
        if source.name == _EXPORTER_UNIT:
            content = content.replace(_PEERS, " ".join((_PEERS, *settings.scrape_cidrs)))
        yield HostFile(path=f"{UNITS}/{_plain_name(source)}", mode=0o644, content=content)
    yield HostFile(
        path=f"{UNITS}/perch-gateway.service.d/drain.conf",
        mode=0o644,
        content=f"[Service]\nTimeoutStopSec={stop_seconds(settings)}\n",
    )
    yield HostFile(
        path=f"{UNITS}/logrotate.timer.d/perch.conf",
        mode=0o644,
        content="[Timer]\nOnCalendar=hourly\n",
    )


def _chosen(folder: Path, settings: MachineSettings) -> Iterator[Path]:
    """Yield a folder's files but those (`name+variant`) for another recogniser or gateway."""
    wanted = {"", settings.kind, "image" if settings.gateway_is_image else "bundle"}
    if settings.recogniser_is_asked_by_tls:
        wanted.add("tls")
    for source in sorted(folder.iterdir()):
        _, _, variant = source.name.partition("+")
        if source.is_file() and variant.partition(".")[0] in wanted:
            yield source


def _plain_name(source: Path) -> str:
    """Return the name on the machine: `perch-gateway+image.service` is `perch-gateway.service`."""
    name, plus, variant = source.name.partition("+")
    return name + "".join(Path(variant).suffixes) if plus else name


@lru_cache(_KEPT)
def without_comments(text: str) -> str:
    """Strip a script or a unit of its lines of comment: two kilobytes of user data.

    They stand in this folder, for whoever changes the program; `#!` stays.
    """
    return re.sub(r"^[ \t]*#(?!!).*\n", "", text, flags=re.MULTILINE)


def _read(source: Path) -> str:
    # Read as UTF-8, which is built into Python: its codec for ASCII is a module, and is not found
    # where a user may not read the library.
    text = source.read_text(encoding="utf-8")
    if not text.isascii():
        raise ValueError(f"{source.name} is not ASCII, as what machines run has to be")
    return text
