"""What a local stack will be: its settings laid over the stack's own, and the ports it wants."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.offline.engine.project import StackProject
from ops.stack import COLOURS, StackOutputs

COLOUR_PORTS = ("gateway_port", "riva_grpc_port", "riva_http_port")
COLOUR_PORT_NAMES = {
    "gateway_port": "gateway-{}",
    "riva_grpc_port": "emulator-{} (gRPC)",
    "riva_http_port": "emulator-{} (HTTP)",
}
AWS_PORT = 8440
"""Where the AWS API of a local stack listens unless it is told otherwise."""
PROMETHEUS_PORT = 8441
"""Where the Prometheus of `perch up --observe` listens unless it is told otherwise."""
PORTS_IN_A_ROW = 3 + len(COLOURS) * len(COLOUR_PORTS)

Config = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose for a stack on this machine.

    Args:
        listener_port: Port of the endpoint; None for the stack's own.
        ports_from: First of `PORTS_IN_A_ROW` ports in a row to use in place of all others.
        has_fallback: Whether the stack has recognisers to fall back to; with a row of ports these
            are the colours' own.
    """

    listener_port: int | None = None
    ports_from: int | None = None
    has_fallback: bool = False

    @property
    def aws_port(self) -> int:
        """Port of the AWS API: the first of the row."""
        return AWS_PORT if self.ports_from is None else self.ports_from

    @property
    def prometheus_port(self) -> int:
        """Port of the Prometheus, where one is wanted: the last of the row."""
        return PROMETHEUS_PORT if self.ports_from is None else self.ports_from + PORTS_IN_A_ROW - 1

    def overrides(self, authority: Path | None) -> Config:
        """Return configuration to lay over the stack's.

        Args:
            authority: PEM file of the authority that signed the listener's certificate.
        """
        config: Config = {
            "certificate": {"ca_path": None if authority is None else str(authority)},
            "load_balancer": {},
        }
        if self.ports_from is not None:
            config["load_balancer"]["port"] = self.ports_from + 1
            following = iter(range(self.ports_from + 2, self.ports_from + PORTS_IN_A_ROW))
            for colour in COLOURS:
                config[colour] = {key: next(following) for key in COLOUR_PORTS}
            if self.has_fallback:
                places = (
                    f"127.0.0.1:{config[colour]['riva_grpc_port']}"
                    f"/{config[colour]['riva_http_port']}"
                    for colour in COLOURS
                )
                config["gateway"] = {
                    "fallback": {"endpoints": list(places), "cidrs": ["127.0.0.1/32"]}
                }
        if self.listener_port is not None:
            config["load_balancer"]["port"] = self.listener_port
        return config


def configured_ports(project: StackProject) -> dict[str, int]:
    """Return the ports that a stack's configuration names, by what is to listen there.

    A port that the configuration leaves to the program's default is not among them; it is known
    once the program has run.
    """
    ports: dict[str, int] = {}

    def note(name: str, value: object) -> None:
        if isinstance(value, int):
            ports[name] = value

    note("the listener", _section(project, "load_balancer").get("port"))
    for colour in COLOURS:
        for key in COLOUR_PORTS:
            note(COLOUR_PORT_NAMES[key].format(colour), _section(project, colour).get(key))
    return ports


def has_fallback(project: StackProject) -> bool:
    """Say whether a stack's configuration names recognisers to fall back to."""
    return bool(_section(project, "gateway").get("fallback"))


def _section(project: StackProject, key: str) -> Mapping[str, object]:
    text = project.config.get(f"{project.name}:{key}")
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def exported_ports(outputs: StackOutputs) -> dict[str, int]:
    """Return the ports that a stack's outputs name, by what is to listen there."""
    ports = {"the listener": outputs.listener_port}
    for name, colour in outputs.colours.items():
        for key in COLOUR_PORTS:
            ports[COLOUR_PORT_NAMES[key].format(name)] = getattr(colour, key)
    return ports
