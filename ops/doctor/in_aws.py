"""Whether the operator reaches a stack's account, and whether the stack is watched there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.cost.quota import quota_uses
from ops.doctor.finding import Finding, ok
from ops.fleet import IN_SERVICE, Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ops.doctor.finding import Check
    from ops.offline.engine.recording import Recording
    from ops.stack import StackOutputs

SERVICES: Final = ("autoscaling", "ec2", "elbv2", "logs", "service-quotas", "sns", "sts")
SKEW_WARN: Final = timedelta(seconds=30)
SKEW_FAIL: Final = timedelta(minutes=4)
"""AWS refuses a signature that is more than five minutes off (Signature Version 4)."""
SILENT: Final = timedelta(minutes=30)
"""So long a machine that serves may say nothing in its system log."""


class InAws:
    """Looks at a stack's account.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        clients: Client by service: `SERVICES`.
    """

    def __init__(self, stack: str, outputs: StackOutputs, clients: Mapping[str, Any]) -> None:
        self._stack = stack
        self._outputs = outputs
        self._clients = clients
        self._fleet = Fleet(stack, outputs, clients.__getitem__)

    def checks(self) -> Iterator[tuple[str, Check]]:
        """Yield the checks; the first says whether the others can be made."""
        yield "credentials", self.credentials
        yield "clock", self.clock
        yield "alarm recipients", self.recipients
        yield "log agents", self.agents

    def _identity(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._clients["sts"].get_caller_identity()
        except FAILURES as error:
            raise CommandFailedError(" ".join(str(error).split())) from None
        return found

    def credentials(self) -> Finding:
        """Ask AWS who we are, and compare the account with the stack's."""
        try:
            identity = self._identity()
        except CommandFailedError as error:
            return Finding(
                name="credentials",
                level="fail",
                detail=error.format_message(),
                advice="log in (aws sso login, AWS_PROFILE) and ask again",
            )
        account = identity["Account"]
        wanted = self._outputs.listener_arn.split(":")[4:5]
        if wanted and wanted[0].isdigit() and wanted[0] != account:
            return Finding(
                name="credentials",
                level="fail",
                detail=f"{identity['Arn']} is of account {account}, the stack of {wanted[0]}",
                advice="choose the profile of that account (AWS_PROFILE)",
            )
        return ok("credentials", f"{identity['Arn']} in {self._outputs.region}")

    def clock(self) -> Finding:
        """Compare this machine's clock with that of AWS's answer."""
        headers = self._identity()["ResponseMetadata"]["HTTPHeaders"]
        try:
            theirs = parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError):
            raise CommandFailedError("the answer had no date") from None
        skew = datetime.now(UTC) - theirs
        seconds = f"{skew.total_seconds():+.0f} s beside AWS"
        if abs(skew) < SKEW_WARN:
            return ok("clock", seconds)
        return Finding(
            name="clock",
            level="warn" if abs(skew) < SKEW_FAIL else "fail",
            detail=seconds,
            advice="set it by NTP: AWS refuses what is signed five minutes off",
        )

    def recipients(self) -> Finding:
        """Look whether anybody is told of alarms."""
        arn = self._outputs.alarm_topic_arn
        try:
            pages = self._clients["sns"].get_paginator("list_subscriptions_by_topic")
            found = [one for page in pages.paginate(TopicArn=arn) for one in page["Subscriptions"]]
        except FAILURES as error:
            raise self._fleet.failed("who is told of alarms", error) from None
        pending = [one["Endpoint"] for one in found if not one["SubscriptionArn"].startswith("arn")]
        if not found:
            return Finding(
                name="alarm recipients",
                level="warn",
                detail="nobody is told of alarms",
                advice="set observability.alarm_emails in the stack's file",
            )
        if pending:
            return Finding(
                name="alarm recipients",
                level="warn",
                detail=f"not confirmed: {', '.join(sorted(pending))}",
                advice="open the link in the message that AWS sent there",
            )
        return ok("alarm recipients", f"{len(found)} told of alarms")

    def agents(self) -> Finding:
        """Look whether every machine in service has written to the system log lately."""
        since = datetime.now(UTC) - SILENT
        serving = [
            machine
            for colour, _ in self._outputs.colours.items()
            for machine in self._fleet.group(colour).machines
            if machine.state == IN_SERVICE
        ]
        silent = [one.id for one in serving if not self._has_written(one.id, since)]
        if silent:
            return Finding(
                name="log agents",
                level="warn",
                detail=f"nothing in the system log for {SILENT // timedelta(minutes=1)} minutes "
                f"from {', '.join(silent)}",
                advice="see its log agent on the machine, or let `perch rotate` replace it",
            )
        return ok("log agents", f"{len(serving)} machine(s) in service, each writes")

    def _has_written(self, machine: str, since: datetime) -> bool:
        asked = {
            "logGroupName": self._outputs.log_group_names.system,
            "logStreamNamePrefix": f"{machine}/",
            "startTime": int(since.timestamp() * 1000),
        }
        try:
            for page in self._clients["logs"].get_paginator("filter_log_events").paginate(**asked):
                # AWS looks at the prefix, moto does not.
                if any(one["logStreamName"].startswith(f"{machine}/") for one in page["events"]):
                    return True
        except FAILURES as error:
            raise self._fleet.failed("the system log", error) from None
        return False

    def quota(self, recording: Recording) -> Finding:
        """Compare the vCPUs that a stack's machines may take with the account's quotas."""
        uses = quota_uses(recording.as_document()["resources"])
        small: list[tuple[str, bool]] = []
        told: list[tuple[str, bool]] = []
        for use in uses:
            try:
                found = self._clients["service-quotas"].get_service_quota(
                    ServiceCode="ec2", QuotaCode=use.quota.code
                )["Quota"]["Value"]
            except FAILURES as error:
                raise self._fleet.failed(f"quota {use.quota.name}", error) from None
            line = f"{use.quota.name}: {found:g} vCPUs, {use.first} to {use.most} wanted"
            (small if found < use.most else told).append((line, found < use.first))
        if small:
            return Finding(
                name="quota",
                level="fail" if any(too_few for _, too_few in small) else "warn",
                detail="; ".join(line for line, _ in small),
                advice="ask AWS for more (Service Quotas, EC2), which takes days",
            )
        return ok("quota", "; ".join(line for line, _ in told) or "no machine is wanted")
