"""How a stack in AWS is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.status.asking import ask
from ops.status.everywhere import Everywhere
from ops.status.money import so_far
from ops.status.report import ColourFact, MachineFact, Report, TargetFact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from ops.fleet import Group
    from ops.stack import ColourOutputs, StackOutputs

NAMESPACE: Final = "Perch"
"""Of the machines' metrics; a test holds it equal to the machines' own."""
MINUTE: Final = 60
LOOK_BACK: Final = timedelta(minutes=5)
"""Metrics come a minute or two late."""


class InAws:
    """Asks the services of a stack's account.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        clients: Client by service: `SERVICES`.
        token: Bearer token of the gateways; None where they ask for none.
    """

    SERVICES = ("autoscaling", "cloudwatch", "ec2", "elbv2", "s3", "ssm")

    def __init__(
        self,
        stack: str,
        outputs: StackOutputs,
        clients: Mapping[str, Any],
        token: SecretStr | None = None,
    ) -> None:
        self._stack = stack
        self._outputs = outputs
        self._everywhere = Everywhere(stack, outputs, clients, token)
        self._cloudwatch, self._fleet = self._everywhere.cloudwatch, self._everywhere.fleet

    def report(self) -> Report:
        """Ask for everything at once; what fails is named and the rest is told."""
        names = [name for name, _ in self._outputs.colours.items()]
        answers, failures = ask(
            {
                **self._everywhere.questions(),
                "sessions per machine": self.sessions_per_machine,
                **{f"machines of {name}": partial(self._fleet.group, name) for name in names},
                **{f"targets of {name}": partial(self._fleet.targets, name) for name in names},
            }
        )
        now = datetime.now(UTC)
        not_known = {**failures, **self._everywhere.versions_unknown(answers)}
        if self._outputs.in_service_parameter_name is None:
            not_known["in service"] = "a program that keeps no record of it made this stack"
        sessions = {name: self._sessions(name, answers, not_known) for name in names}
        groups = [answers[f"machines of {name}"] for name in names]
        known = [count for count in sessions.values() if count is not None]
        return Report(
            stack=self._stack,
            region=self._outputs.region,
            is_local=False,
            at=now,
            endpoint_url=self._outputs.endpoint_url,
            certificate_days=answers["certificate"],
            recognition=answers["recognition"],
            in_service=answers["in service"],
            release=answers["release"],
            sessions=sum(known) if len(known) == len(names) else None,
            colours=tuple(
                self._colour(name, made, answers, sessions[name])
                for name, made in self._outputs.colours.items()
            ),
            alarms=answers["alarms"],
            cost=None
            if None in groups
            else so_far(
                (machine for group in groups for machine in group.machines),
                self._outputs.region,
                now,
            ),
            processes=None,
            not_known=not_known,
            failed=bool(failures),
        )

    def _colour(
        self, name: str, made: ColourOutputs, answers: Mapping[str, Any], sessions: float | None
    ) -> ColourFact:
        group: Group | None = answers[f"machines of {name}"]
        targets = answers[f"targets of {name}"]
        weights = answers["weights"]
        return ColourFact(
            colour=name,
            weight=None if weights is None else weights[name],
            desired=None if group is None else group.desired,
            fewest=None if group is None else group.fewest,
            most=None if group is None else group.most,
            machines=None
            if group is None
            else tuple(
                MachineFact(
                    launched_at=machine.launched,
                    **{key: value for key, value in asdict(machine).items() if key != "launched"},
                )
                for machine in group.machines
            ),
            targets=None
            if targets is None
            else tuple(TargetFact(**asdict(target)) for target in targets),
            sessions=sessions,
            version=answers[f"version of {name}"][0],
            image=made.image,
            selector=made.tags_selector,
            model=made.model,
            gateway_artifact=made.gateway_artifact,
            ami_id=made.ami_id,
        )

    def _sessions(
        self, name: str, answers: Mapping[str, Any], not_known: dict[str, str]
    ) -> float | None:
        """Return a colour's active sessions: what a machine has on average, times the machines."""
        group: Group | None = answers[f"machines of {name}"]
        if group is not None and not group.machines:
            return 0.0
        means = answers["sessions per machine"]
        if group is None or means is None:
            return None
        mean = means.get(name)
        if mean is None:
            minutes = LOOK_BACK // timedelta(minutes=1)
            not_known[f"sessions of {name}"] = f"no machine reported any in {minutes} minutes"
            return None
        return round(float(mean) * group.in_service, 1)

    def sessions_per_machine(self) -> dict[str, float]:
        """Return what a machine of each colour last reported on average; absent without data.

        Raises:
            CommandFailedError: CloudWatch does not tell.
        """
        now = datetime.now(UTC)
        queries = [
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMESPACE,
                        "MetricName": "ActiveSessions",
                        "Dimensions": [
                            {
                                "Name": "AutoScalingGroupName",
                                "Value": colour.auto_scaling_group_name,
                            }
                        ],
                    },
                    "Period": MINUTE,
                    "Stat": "Average",
                },
            }
            for name, colour in self._outputs.colours.items()
        ]
        try:
            found = self._cloudwatch.get_metric_data(
                MetricDataQueries=queries,
                StartTime=now - LOOK_BACK,
                EndTime=now,
                ScanBy="TimestampDescending",
            )["MetricDataResults"]
        except FAILURES as error:
            raise self._fleet.failed("the number of sessions", error) from None
        return {one["Id"]: one["Values"][0] for one in found if one["Values"]}
