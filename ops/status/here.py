"""How a stack on this machine is: its processes, its gateways, and the AWS API it stands on."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx

from ops.console.errors import CommandFailedError
from ops.local.gateways import ask as ask_gateway
from ops.local.supervisor.records import alive
from ops.status.asking import ask
from ops.status.everywhere import Everywhere
from ops.status.report import ColourFact, ProcessFact, Report, TargetFact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import SecretStr

    from ops.local.state import State
    from ops.stack import ColourOutputs, StackOutputs

SECONDS: Final = 5.0
"""Deadline for a gateway's answer."""
READINESS: Final = "/readyz?ignore=capacity"
"""What the load balancer asks a target for; a test holds it equal to the program's own."""
LACKS: Final = {
    "machines": "a stack on this machine has none; its processes are told instead",
    "alarms": "the AWS API on this machine evaluates none; in ALARM is what somebody put there",
    "cost": "nothing that runs here is billed",
}
"""What a stack on this machine does not have."""


class Here:
    """Asks the parts of a stack on this machine.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        clients: Client by service: `SERVICES`.
        state: What `perch up` remembers.
        identity: The gateways' PEM file (`StateFolder.gateway_tls`).
        token: Bearer token of the gateways; None where they ask for none.
    """

    SERVICES = ("cloudwatch", "elbv2", "s3", "ssm")

    def __init__(  # noqa: PLR0913 - whoever asks and is asked
        self,
        stack: str,
        outputs: StackOutputs,
        clients: Mapping[str, Any],
        state: State,
        *,
        identity: Path,
        token: SecretStr | None = None,
    ) -> None:
        self._stack = stack
        self._outputs = outputs
        self._state = state
        self._identity = identity
        self._everywhere = Everywhere(stack, outputs, clients, token)

    def report(self) -> Report:
        """Ask for everything at once; what fails is named and the rest is told."""
        colours = self._outputs.colours.items()
        answers, failures = ask(
            {
                **self._everywhere.questions(),
                **{
                    f"targets of {name}": partial(_gateway, made, self._identity)
                    for name, made in colours
                },
            }
        )
        silent = self._everywhere.versions_unknown(answers)
        facts = tuple(self._colour(name, made, answers) for name, made in colours)
        known = [colour.sessions for colour in facts if colour.sessions is not None]
        return Report(
            stack=self._stack,
            region=self._outputs.region,
            is_local=True,
            at=datetime.now(UTC),
            endpoint_url=self._outputs.endpoint_url,
            certificate_days=answers["certificate"],
            recognition=answers["recognition"],
            in_service=answers["in service"],
            release=answers["release"],
            sessions=sum(known) if len(known) == len(facts) else None,
            colours=facts,
            alarms=answers["alarms"],
            cost=None,
            processes=tuple(
                ProcessFact(
                    name=child.name,
                    pid=child.pid,
                    is_running=alive(child),
                    address=child.address,
                )
                for child in self._state.children
            ),
            not_known={**LACKS, **silent, **failures},
            failed=bool(failures),
        )

    def _colour(self, name: str, made: ColourOutputs, answers: Mapping[str, Any]) -> ColourFact:
        weights = answers["weights"]
        answer: tuple[str, str | None, float | None] | None = answers[f"targets of {name}"]
        targets = (
            None
            if answer is None
            else (
                TargetFact(
                    id=f"gateway-{name}",
                    port=made.gateway_port,
                    state=answer[0],
                    reason=answer[1],
                ),
            )
        )
        return ColourFact(
            colour=name,
            weight=None if weights is None else weights[name],
            desired=None,
            fewest=None,
            most=None,
            machines=None,
            targets=targets,
            sessions=None if answer is None else answer[2],
            version=answers[f"version of {name}"][0],
            image=made.image,
            selector=made.tags_selector,
            model=made.model,
            gateway_artifact=made.gateway_artifact,
            ami_id=made.ami_id,
        )


def _gateway(made: ColourOutputs, identity: Path) -> tuple[str, str | None, float | None]:
    """Return a gateway's health as the load balancer words it, why, and its sessions.

    Raises:
        CommandFailedError: What answers is no gateway.
    """
    try:
        answer = ask_gateway(identity, made.gateway_port, READINESS, seconds=SECONDS)
    except httpx.HTTPError as error:
        return "unhealthy", str(error) or type(error).__name__, None
    try:
        said = answer.json()
        reasons, sessions = said["reasons"], float(said["sessions"])
    except (ValueError, KeyError, TypeError):
        raise CommandFailedError(
            f"port {made.gateway_port} is answered by something that is no gateway"
        ) from None
    if answer.status_code == httpx.codes.OK:
        return "healthy", None, sessions
    return "unhealthy", "; ".join(map(str, reasons)), sessions
