"""The listener as the process it is, told what to do by a real (moto) load balancer API.

Does not prove what AWS's own load balancer does with the same orders.
"""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from ops.local import certificates
from ops.local.access import local_session
from ops.local.children import aws_access, scrubbed
from ops.local.load_balancer import balancer, elb_api
from ops.local.load_balancer.routing import Answer, Condition, Forward, HealthCheck, Rule
from ops.stack import StackOutputs
from tests.ops.fronts import running_target
from tests.support.moto import BARE
from tests.support.outputs import COLOUR, OUTPUTS

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

REGION = "us-east-2"


@dataclass(frozen=True)
class Api:
    """A load balancer in an API of its own."""

    elb: "ElasticLoadBalancingv2Client"
    access: dict[str, str]
    load_balancer: str
    listener: str
    groups: dict[str, str]

    def weigh(self, blue: int, green: int) -> None:
        weights = {self.groups["blue"]: blue, self.groups["green"]: green}
        self.elb.modify_listener(
            ListenerArn=self.listener,
            DefaultActions=[
                {
                    "Type": "forward",
                    "ForwardConfig": {
                        "TargetGroups": [
                            {"TargetGroupArn": arn, "Weight": weight}
                            for arn, weight in weights.items()
                        ]
                    },
                }
            ],
        )


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    credentials = tmp_path_factory.mktemp("aws") / "credentials"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ops.offline.simulator.server"),
            *("--port", "0", "--credentials", str(credentials)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | BARE,
    )
    assert process.stdout is not None
    yield aws_access(process.stdout.readline().split()[-1], REGION, credentials)
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def api(access: dict[str, str]) -> Api:
    session, server = local_session(access), access["AWS_ENDPOINT_URL"]
    ec2 = session.client("ec2", endpoint_url=server)
    elb = session.client("elbv2", endpoint_url=server)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{az}")
        for n, az in enumerate("ab")
    ]
    groups = {
        name: elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=port,
            VpcId=vpc,
            HealthCheckPath="/readyz",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        )["TargetGroups"][0]["TargetGroupArn"]
        for name, port in (("blue", 8081), ("green", 8082))
    }
    front = elb.create_load_balancer(
        Name="perch", Subnets=[str(one["Subnet"]["SubnetId"]) for one in subnets]
    )["LoadBalancers"][0]["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=front,
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "360"}],
    )
    listener = elb.create_listener(
        LoadBalancerArn=front,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": groups["blue"]}],
    )["Listeners"][0]["ListenerArn"]
    for place, (name, group) in enumerate(groups.items(), start=2):
        elb.create_rule(
            ListenerArn=listener,
            Priority=place,
            Conditions=[
                {
                    "Field": "http-header",
                    "HttpHeaderConfig": {"HttpHeaderName": "X-Perch-Colour", "Values": [name]},
                }
            ],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )
    elb.create_rule(
        ListenerArn=listener,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/metrics"]}],
        Actions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
            }
        ],
    )
    return Api(elb, access, front, listener, groups)


def test_routes_are_read_as_the_api_has_them(api: Api) -> None:
    api.weigh(90, 10)
    blue, green = api.groups["blue"], api.groups["green"]
    routes = elb_api.read_routes(api.elb, api.listener)
    assert routes.default == Forward(weights={blue: 90, green: 10})

    def header(name: str) -> Condition:
        return Condition(field="http-header", header="X-Perch-Colour", values=(name,))

    assert routes.rules == (
        Rule(
            priority=1,
            conditions=(Condition(field="path-pattern", values=("/metrics",)),),
            action=Answer(status=404),
        ),
        Rule(priority=2, conditions=(header("blue"),), action=Forward(weights={blue: 1})),
        Rule(priority=3, conditions=(header("green"),), action=Forward(weights={green: 1})),
    )


def test_settings_are_read_as_the_api_has_them(api: Api) -> None:
    settings = elb_api.read_settings(
        api.elb, load_balancer_arn=api.load_balancer, groups=tuple(api.groups.values())
    )
    assert settings.idle_seconds == 360
    assert settings.checks[api.groups["green"]] == HealthCheck(
        path="/readyz",
        interval=5,
        timeout=2,
        healthy_threshold=2,
        unhealthy_threshold=2,
        statuses=frozenset({200}),
    )


@dataclass(frozen=True)
class Serving:
    """A running listener."""

    client: httpx.AsyncClient

    async def asked(self, colour: str | None = None) -> str:
        headers = {"X-Perch-Colour": colour} if colour else {}
        answer = await self.client.get("/who", headers=headers)
        return str(answer.json()["name"]) if answer.status_code == 200 else answer.text.strip()

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(30):
            while not await holds():  # noqa: ASYNC110 - another process, no event
                await asyncio.sleep(0.1)


@asynccontextmanager
async def listening(api: Api, folder: Path, port: int, **ports: int) -> AsyncIterator[Serving]:
    identity = certificates.own(folder)
    document = OUTPUTS | {
        "listener_port": port,
        "listener_arn": api.listener,
        "load_balancer_arn": api.load_balancer,
        "colours": {
            name: COLOUR | {"target_group_arn": api.groups[name], "gateway_port": number}
            for name, number in ports.items()
        },
    }
    outputs = folder / "outputs.json"
    outputs.write_text(StackOutputs.model_validate(document).model_dump_json())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.local.load_balancer.listener", "--outputs", str(outputs)),
        *("--certificate", str(identity.certificate), "--key", str(identity.key)),
        env={**scrubbed(os.environ), **api.access},
    )
    trust = ssl.create_default_context(cafile=identity.authority)
    url = f"https://localhost:{port}"
    async with httpx.AsyncClient(base_url=url, verify=trust, trust_env=False) as client:
        serving = Serving(client)

        async def answers() -> bool:
            try:
                return (await client.get("/who")).status_code == 200
            except httpx.ConnectError:
                return False

        try:
            await serving.until(answers)
            yield serving
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                ended = await process.wait()
    assert ended == 0


async def test_the_listener_obeys_weights_rules_and_health_while_it_runs(
    api: Api, tmp_path: Path, unused_tcp_port: int
) -> None:
    api.weigh(100, 0)
    async with (
        running_target("blue") as blue,
        listening(api, tmp_path, unused_tcp_port, blue=blue.port, green=1) as serving,
    ):
        assert {await serving.asked() for _ in range(5)} == {"blue"}
        assert await serving.asked("green") == "green is not healthy"
        assert (await serving.client.get("/metrics")).status_code == 404

        api.weigh(50, 50)

        async def both() -> bool:
            return {await serving.asked() for _ in range(2)} == {"blue", "green is not healthy"}

        await serving.until(both)
        # The share of a sick group goes nowhere else, and the shares are exact.
        counted = Counter([await serving.asked() for _ in range(10)])
        assert counted == {"blue": 5, "green is not healthy": 5}

        api.weigh(0, 0)

        async def nobody() -> bool:
            return await serving.asked() == "no target group has a weight above 0"

        await serving.until(nobody)
        assert await serving.asked("blue") == "blue"
        api.weigh(100, 0)


async def test_what_was_ordered_last_holds_while_the_api_is_away(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(balancer, "ROUTES_SECONDS", 0.01)
    api.weigh(100, 0)
    following = await balancer.Balancer.connect(
        api.elb, load_balancer_arn=api.load_balancer, listener_arn=api.listener, targets={}
    )
    ordered = following.routes

    class Away:
        asked = asyncio.Event()

        def describe_listeners(self, **_: object) -> object:
            loop.call_soon_threadsafe(self.asked.set)
            raise ConnectionError("no API")

    loop, away = asyncio.get_running_loop(), Away()
    following.api = away  # type: ignore[assignment]
    task = asyncio.create_task(following._follow_routes())
    async with asyncio.timeout(20):
        await away.asked.wait()
        assert following.routes is ordered
        api.weigh(0, 100)
        following.api = api.elb
        while following.routes == ordered:  # noqa: ASYNC110 - a poll in a thread, no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait((task,))
    assert following.routes.default == Forward(
        weights={api.groups["blue"]: 0, api.groups["green"]: 100}
    )
