"""The living state of the local listener: routes and health, kept fresh, and what they choose."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from ops.local.gateways import trust
from ops.local.load_balancer import elb_api
from ops.local.load_balancer.routing import (
    Answer,
    Forward,
    Health,
    HealthCheck,
    Request,
    Routes,
    Target,
    WeightedRoundRobin,
    action_for,
    after,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

ROUTES_SECONDS = 1.0
"""How often the routes are asked for: a rollback is seen here within about this time."""
SETTINGS_SECONDS = 10.0
log = logging.getLogger("perch.listener")


def unavailable(reason: str) -> Answer:
    """Return the answer given when there is nobody to forward to."""
    return Answer(status=503, body=f"{reason}\n")


@dataclass(slots=True, kw_only=True)
class Balancer:
    """Decides where each request goes.

    Args:
        api: ClientConnection of the load balancer's API.
        load_balancer_arn: Whose attributes hold.
        listener_arn: Whose rules hold.
        targets: Target by the ARN of its group.
        routes: What was last read.
        settings: What was last read.
        health: By target group's ARN.
    """

    api: ElasticLoadBalancingv2Client
    load_balancer_arn: str
    listener_arn: str
    targets: Mapping[str, Target]
    routes: Routes
    settings: elb_api.Settings
    health: dict[str, Health] = field(default_factory=dict)
    turns: dict[tuple[str, ...], WeightedRoundRobin] = field(default_factory=dict)
    lost: bool = False

    @classmethod
    async def connect(
        cls,
        api: ElasticLoadBalancingv2Client,
        *,
        load_balancer_arn: str,
        listener_arn: str,
        targets: Mapping[str, Target],
    ) -> Balancer:
        """Return a balancer that has read its orders once."""
        return cls(
            api=api,
            load_balancer_arn=load_balancer_arn,
            listener_arn=listener_arn,
            targets=targets,
            routes=await asyncio.to_thread(elb_api.read_routes, api, listener_arn),
            settings=await asyncio.to_thread(
                elb_api.read_settings,
                api,
                load_balancer_arn=load_balancer_arn,
                groups=tuple(targets),
            ),
        )

    def choose(self, request: Request) -> Target | Answer:
        """Return the target of a request, or the answer it gets instead of one."""
        action = action_for(self.routes, request)
        if isinstance(action, Answer):
            return action
        return self._turn(action)

    def _turn(self, action: Forward) -> Target | Answer:
        turns = self.turns.setdefault(tuple(sorted(action.weights)), WeightedRoundRobin())
        group = turns.next(action.weights)
        if group is None:
            return unavailable("no target group has a weight above 0")
        target = self.targets.get(group)
        if target is None:
            return unavailable(f"no machine is registered for {group}")
        # A weight is an order: as at AWS, a sick group's share goes nowhere else.
        if not self.health.get(group, Health()).healthy:
            return unavailable(f"{target.name} is not healthy")
        return target

    async def run(self) -> None:
        """Keep routes, settings and health fresh until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_routes(), name="routes")
            group.create_task(self._follow_settings(), name="settings")
            for arn, target in self.targets.items():
                group.create_task(self._examine(arn, target), name=f"health of {target.name}")

    async def _follow_routes(self) -> None:
        while True:
            await asyncio.sleep(ROUTES_SECONDS)
            try:
                routes = await asyncio.to_thread(elb_api.read_routes, self.api, self.listener_arn)
            except Exception as error:  # noqa: BLE001 - what was ordered last holds
                self._note_lost(error)
                continue
            self.lost = False
            if routes != self.routes:
                log.info("routes are now %s", routes)
                self.routes = routes

    def _note_lost(self, error: Exception) -> None:
        if not self.lost:
            log.warning("the API does not answer, so what it last said holds: %s", error)
        self.lost = True

    async def _follow_settings(self) -> None:
        while True:
            await asyncio.sleep(SETTINGS_SECONDS)
            try:
                self.settings = await asyncio.to_thread(
                    elb_api.read_settings,
                    self.api,
                    load_balancer_arn=self.load_balancer_arn,
                    groups=tuple(self.targets),
                )
            except Exception as error:  # noqa: BLE001 - as above
                self._note_lost(error)

    async def _examine(self, arn: str, target: Target) -> None:
        while True:
            check = self.settings.checks[arn]
            good = await answers(target, check)
            before = self.health.get(arn, Health())
            self.health[arn] = after(before, good=good, check=check)
            if self.health[arn].healthy != before.healthy:
                log.info("%s is %s", target.name, "healthy" if good else "unhealthy")
            await asyncio.sleep(check.interval)


async def answers(target: Target, check: HealthCheck) -> bool:
    """Ask a target once whether it is well: by a connection of its own, as who comes next has."""
    scheme = "http" if target.identity is None else "https"
    try:
        async with httpx.AsyncClient(
            base_url=f"{scheme}://{target.host}:{target.port}",
            # A proxy that the environment names is for the world outside.
            trust_env=False,
            verify=target.identity is None or trust(target.identity),
        ) as client:
            response = await client.get(check.path, timeout=check.timeout)
    except (httpx.HTTPError, OSError):
        return False
    return response.status_code in check.statuses
