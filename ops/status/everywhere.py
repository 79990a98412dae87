"""What is asked of every stack, wherever it runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ops.fleet import Fleet
from ops.in_service import InService
from ops.recognition import Switch
from ops.rollout.journal import JournalStore
from ops.status.alarms import ringing
from ops.status.certificate import days_left
from ops.status.release import latest
from ops.status.version import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from ops.stack import StackOutputs


class Everywhere:
    """Asks what each stack has.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        clients: Client by service: cloudwatch, elbv2, s3, ssm, and what `Fleet` wants of others.
        token: Bearer token of the gateways; None where they ask for none.

    Attributes:
        stack: As given.
        outputs: As given.
        cloudwatch: Its client.
        fleet: Its machines, targets and weights.
    """

    def __init__(
        self,
        stack: str,
        outputs: StackOutputs,
        clients: Mapping[str, Any],
        token: SecretStr | None = None,
    ) -> None:
        self.stack = stack
        self.outputs = outputs
        self.cloudwatch = clients["cloudwatch"]
        self.fleet = Fleet(stack, outputs, clients.__getitem__)
        self._journals = JournalStore(stack, outputs.artefact_bucket, clients["s3"])
        self._switch = Switch(stack, outputs, clients["ssm"])
        self._token = token
        self._in_service = InService(stack, outputs.in_service_parameter_name, clients["ssm"])

    def questions(self) -> dict[str, Callable[[], Any]]:
        """Return what to call, by the name of the fact."""
        return {
            "certificate": partial(days_left, self.outputs),
            "recognition": self._switch.read,
            "in service": self._in_service.read,
            "weights": self.fleet.weights,
            "alarms": partial(ringing, self.stack, self.outputs, self.cloudwatch),
            "release": partial(latest, self._journals, self.stack),
            **{
                f"version of {name}": partial(running, self.outputs, self._token, name)
                for name, _ in self.outputs.colours.items()
            },
        }

    def versions_unknown(self, answers: Mapping[str, Any]) -> dict[str, str]:
        """Return why the version of a colour is not known, by the name of the fact."""
        return {
            f"version of {name}": answers[f"version of {name}"][1]
            for name, _ in self.outputs.colours.items()
            if answers[f"version of {name}"][0] is None
        }
