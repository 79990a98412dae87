"""The local load balancer before two gateways: the real listener, told by a real (moto) API."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

import httpx
import trustme

from ops.local.access import local_session
from ops.local.children import aws_access
from ops.stack import StackOutputs
from tests.support.outputs import COLOUR, OUTPUTS
from tests.support.processes import POLL_S, START_S, Place, ProcessError, Program, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from tests.support.processes import Gateway

REGION = "us-east-2"
HEALTH_S = 1
"""Between two health checks; a scenario need not wait as long as AWS does."""


class FrontDoor:
    """A TLS listener that weighs two gateways.

    Args:
        folder: For certificates, outputs and logs.
        blue: One gateway.
        green: The other one.
    """

    def __init__(self, folder: Path, blue: Gateway, green: Gateway) -> None:
        self._folder = folder
        self.gateways = {"blue": blue, "green": green}
        self.port = free_port()
        self._ca = trustme.CA()
        self._stack = AsyncExitStack()
        self._api: Any = None
        self._listener_arn = ""
        self._groups: dict[str, str] = {}
        self.listener: Program

    @property
    def place(self) -> Place:
        """Where clients connect."""
        return Place(url=f"wss://localhost:{self.port}", tls=self.trust())

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts the listener's authority."""
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context

    @property
    def ca_file(self) -> Path:
        """The listener's authority, for programs that trust it."""
        path = self._folder / "authority.pem"
        self._ca.cert_pem.write_to_path(path)
        return path

    async def __aenter__(self) -> Self:
        credentials = self._folder / "aws-credentials"
        server = ("ops.offline.simulator.server", "--port", "0", "--credentials", str(credentials))
        api = Program("aws", server, self._folder)
        await self._stack.enter_async_context(api)
        await api.launch()
        url = (await api.wait_for_line("http://")).split()[-1]
        access = aws_access(url, REGION, credentials)
        front = await asyncio.to_thread(self._create, access)
        outputs = self._folder / "outputs.json"
        outputs.write_text(self._outputs(front), encoding="utf-8")
        self.certify()
        certificate, key = self._folder / "server.pem", self._folder / "server.key"
        files = ("--outputs", str(outputs), "--certificate", str(certificate), "--key", str(key))
        self.listener = await self._stack.enter_async_context(
            Program(
                "listener",
                ("ops.local.load_balancer.listener", *files),
                self._folder,
                access,
            )
        )
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def open(self) -> None:
        """Start the listener, and wait until both gateways are reached through it."""
        await self.listener.launch()
        await self.reaches("blue", "green")

    def certify(self, *, not_after: datetime | None = None) -> None:
        """Issue the listener's certificate; it is read when the listener starts."""
        issued = self._ca.issue_cert("localhost", "127.0.0.1", not_after=not_after)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        (self._folder / "server.pem").write_bytes(chain)
        (self._folder / "server.key").write_bytes(issued.private_key_pem.bytes())

    async def weigh(self, **weights: int) -> None:
        """Order the shares of new connections, as `perch canary` does, and wait for the effect."""
        lines = len(self.listener.lines)
        await asyncio.to_thread(self._weigh, weights)
        shares = (f"'{self._groups[name]}': {share}" for name, share in weights.items())
        await self.listener.wait_for_line("routes are now", *shares, since=lines)

    async def reaches(self, *colours: str) -> None:
        """Wait until each of these gateways answers through the listener.

        Raises:
            ProcessError: It does not in time.
        """
        url = f"https://localhost:{self.port}/readyz"
        async with httpx.AsyncClient(verify=self.trust(), trust_env=False) as http:
            try:
                async with asyncio.timeout(START_S):
                    # Another process has no event to wait for.
                    for colour in colours:
                        while not await _well(http, url, colour):  # noqa: ASYNC110 - as above
                            await asyncio.sleep(POLL_S)
            except TimeoutError:
                raise ProcessError(f"{colours} are not reached through the listener") from None

    def _create(self, access: Mapping[str, str]) -> str:
        session, url = local_session(access), access["AWS_ENDPOINT_URL"]
        ec2 = session.client("ec2", endpoint_url=url)
        elb: Any = session.client("elbv2", endpoint_url=url)
        self._api = elb
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        for name in self.gateways:
            group = elb.create_target_group(
                Name=name,
                Protocol="HTTP",
                Port=self.gateways[name].port,
                VpcId=vpc,
                HealthCheckPath="/readyz?ignore=capacity",
                HealthCheckIntervalSeconds=5,
                HealthCheckTimeoutSeconds=2,
                HealthyThresholdCount=2,
                UnhealthyThresholdCount=2,
            )
            self._groups[name] = group["TargetGroups"][0]["TargetGroupArn"]
        front = elb.create_load_balancer(Name="perch", Subnets=subnets)["LoadBalancers"][0]
        self._listener_arn = elb.create_listener(
            LoadBalancerArn=front["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[self._forward({"blue": 50, "green": 50})],
        )["Listeners"][0]["ListenerArn"]
        for place, (name, arn) in enumerate(self._groups.items(), start=2):
            header = {"HttpHeaderName": "X-Perch-Colour", "Values": [name]}
            elb.create_rule(
                ListenerArn=self._listener_arn,
                Priority=place,
                Conditions=[{"Field": "http-header", "HttpHeaderConfig": header}],
                Actions=[{"Type": "forward", "TargetGroupArn": arn}],
            )
        return str(front["LoadBalancerArn"])

    def _outputs(self, front: str) -> str:
        document = OUTPUTS | {
            "listener_port": self.port,
            "listener_arn": self._listener_arn,
            "load_balancer_arn": front,
            "colours": {
                name: COLOUR | {"target_group_arn": arn, "gateway_port": self.gateways[name].port}
                for name, arn in self._groups.items()
            },
        }
        return StackOutputs.model_validate(document).model_dump_json()

    def _weigh(self, weights: dict[str, int]) -> None:
        self._api.modify_listener(
            ListenerArn=self._listener_arn, DefaultActions=[self._forward(weights)]
        )

    def _forward(self, weights: dict[str, int]) -> dict[str, object]:
        shares = [
            {"TargetGroupArn": self._groups[name], "Weight": share}
            for name, share in weights.items()
        ]
        return {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}


async def _well(http: httpx.AsyncClient, url: str, colour: str) -> bool:
    try:
        answer = await http.get(url, headers={"X-Perch-Colour": colour})
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
