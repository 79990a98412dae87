"""A Prometheus on this machine, for `perch up --observe`: its settings as pure functions."""

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from ops.console.errors import ConfigurationError
from ops.observe.documents import RULES

LOOPBACK: Final = "127.0.0.1"
_EVERY: Final = "5s"
_NO_ORIGIN: Final = "none"
"""A pattern that no browser's Origin matches: those have a scheme, or are `null`."""


def find() -> Path:
    """Return the program.

    Raises:
        ConfigurationError: It is not installed; names the package.
    """
    found = shutil.which("prometheus")
    if found is None:
        raise ConfigurationError(
            "--observe: no `prometheus` on PATH; install Debian's package `prometheus`, or start "
            "without --observe"
        )
    return Path(found).absolute()


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def settings(environment: str, admin_ports: Mapping[str, int]) -> str:
    """Return prometheus.yml: it scrapes each colour's gateway and has the committed rules.

    Args:
        environment: Name of the stack.
        admin_ports: Colour -> port of its gateway's administrative listener.
    """
    document = {
        "global": {"scrape_interval": _EVERY, "evaluation_interval": _EVERY},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "perch-gateway",
                "static_configs": [
                    {
                        "targets": [f"{LOOPBACK}:{port}"],
                        "labels": {
                            "environment": environment,
                            "colour": colour,
                            # Ports are others at every start; panels are to name the same gateway.
                            "instance": f"gateway-{colour}",
                        },
                    }
                    for colour, port in admin_ports.items()
                ],
            }
        ],
    }
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text


def arguments(program: Path, configuration: Path, data: Path, port: int) -> tuple[str, ...]:
    """Return what it is started with: on loopback alone, with exemplars, a day of data."""
    return (
        str(program),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=1d",
        "--enable-feature=exemplar-storage",
        f"--web.listen-address={LOOPBACK}:{port}",
        # Its default lets every page that this machine's browser shows read it.
        f"--web.cors.origin={_NO_ORIGIN}",
        "--log.level=warn",
    )
