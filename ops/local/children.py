"""What each process of a local stack is started with: pure functions of the stack's outputs.

On a machine in AWS systemd starts the same programs from the same outputs, by way of user data.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.boot.gateway import stack_variables
from ops.local.certificates import TlsIdentity
from ops.local.gateways import trust
from ops.local.state import StateFolder
from ops.local.supervisor.supervisor import ChildSpec, Probe
from ops.observe import prometheus
from ops.stack import ColourOutputs, StackOutputs

LOOPBACK = "127.0.0.1"
SCRUBBED = ("APP_", "AUDIO_", "AWS_", "LOG_", "PERCH_", "PULUMI_", "RIVA_", "WS_")
"""Settings of the person's shell that are not meant for the local environment."""
GATEWAY_GRACE_SECONDS = 1
GATEWAY_DRAIN_SECONDS = "5"
"""Ctrl-C is for somebody who waits, so a drain here is shorter than a machine's."""
GATEWAY_PROBE_SECONDS = 2.0
STOP_SECONDS = 20.0
"""A gateway takes six by its own settings, and eight were not enough beside other work."""

# Tiers: the higher is stopped first. Gateways say goodbye through the listener and flush their
# sessions into the emulators, so both outlive them.
TIER_AWS, TIER_EMULATOR, TIER_LISTENER, TIER_GATEWAY = range(4)


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without settings that would reach into the local stack."""
    kept = {
        key: value
        for key, value in environment.items()
        # Nothing here is asked by way of a proxy, and one that cannot be used ends who looks.
        if not key.startswith(SCRUBBED) and not key.upper().endswith("_PROXY")
    }
    return {**kept, "PYTHONUNBUFFERED": "1"}


def aws_access(endpoint: str, region: str, credentials: Path) -> dict[str, str]:
    """Return variables with which boto3 and the AWS CLI reach the local API and nothing else.

    Args:
        endpoint: URL of the API.
        region: AWS region.
        credentials: The file of its access key; the key itself is in no variable.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }


def traced(environment: Mapping[str, str], colour: str) -> dict[str, str]:
    """Return what tells a colour's traces apart, where the person's shell turns traces on.

    OTEL_* are inherited: they name a collector of the person's, and reach into nothing here.
    """
    if not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return {}
    given = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = f"deployment.environment.name=local,perch.colour={colour}"
    return {"OTEL_RESOURCE_ATTRIBUTES": ",".join(filter(None, (own, given)))}


def origins(outputs: StackOutputs) -> tuple[str, ...]:
    """Return the origins of the page: the endpoint's by every name of this machine."""
    names = (LOOPBACK, "[::1]")
    return (
        outputs.endpoint_url,
        *(f"https://{name}:{outputs.listener_port}" for name in names),
    )


def answers(client: httpx.AsyncClient, url: str, status: int = httpx.codes.OK) -> Probe:
    """Return a probe that is content when ``url`` answers with a status."""

    async def probe() -> str | None:
        try:
            response = await client.get(url)
        except httpx.ConnectError:
            return "does not listen yet"
        except httpx.HTTPError as error:
            return f"{type(error).__name__} at {url}"
        if response.status_code == status:
            return None
        said = " ".join(response.text.split())[:120]
        return f"HTTP {response.status_code} {said}".strip()

    return probe


def gateway_answers(identity: Path, url: str) -> Probe:
    """Return a probe that is content when a gateway answers ``url`` with 200, by TLS.

    Args:
        identity: The gateways' PEM file, which has their authority's certificate.
        url: What is asked for.
    """

    async def probe() -> str | None:
        async with httpx.AsyncClient(
            verify=trust(identity), trust_env=False, timeout=GATEWAY_PROBE_SECONDS
        ) as client:
            return await answers(client, url)()

    return probe


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpecs:
    """What every child of a stack has in common.

    Args:
        folder: The state folder; children work in it, where no `.env` of the person's lies.
        client: Asks whether they are ready; trusts the stack's authority.
    """

    folder: StateFolder
    client: httpx.AsyncClient

    def spec(  # noqa: PLR0913 - independent keywords, all different from child to child
        self,
        name: str,
        *,
        tier: int,
        module: str,
        arguments: tuple[str, ...],
        address: str,
        port: int | None,
        probe: Probe,
        environment: Mapping[str, str] | None = None,
        restart: bool = True,
    ) -> ChildSpec:
        """Return the spec of ``python -m module arguments``."""
        return ChildSpec(
            name=name,
            tier=tier,
            arguments=(sys.executable, "-P", "-m", module, *arguments),
            environment={**scrubbed(os.environ), **(environment or {})},
            folder=self.folder.path,
            log=self.folder.logs / f"{name}.log",
            address=address,
            port=port,
            probe=probe,
            stop_seconds=STOP_SECONDS,
            restart=restart,
        )

    def aws(self, port: int) -> ChildSpec:
        """Return the spec of the AWS API, in which the stack is created."""
        endpoint = f"http://{LOOPBACK}:{port}"
        return self.spec(
            "aws",
            tier=TIER_AWS,
            module="ops.offline.simulator.server",
            arguments=("--port", str(port), "--credentials", str(self.folder.aws_credentials)),
            address=endpoint,
            port=port,
            # It says nothing else to who does not sign.
            probe=answers(self.client, endpoint, httpx.codes.FORBIDDEN),
            # What it knows lives in its memory: another one would be an empty account.
            restart=False,
        )

    def host(self, outputs: StackOutputs, aws: Mapping[str, str]) -> ChildSpec:
        """Return the spec of what fetches and follows for the gateways, as a machine's host."""
        files = (
            self.folder.resume_keys,
            self.folder.gateway_tls,
            self.folder.recognition,
            self.folder.access_list,
        )

        async def probe() -> str | None:
            lacking = [file.name for file in files if not file.exists()]
            return f"has not written {' and '.join(lacking)} yet" if lacking else None

        return self.spec(
            "host",
            tier=TIER_EMULATOR,
            module="ops.local.host",
            arguments=(
                *("--outputs", str(self.folder.outputs)),
                *("--keys", str(files[0])),
                *("--certificate", str(files[1])),
                *("--recognition", str(files[2])),
                *("--access-list", str(files[3])),
            ),
            address=f"ssm:{outputs.recognition_parameter_name}",
            port=None,
            probe=probe,
            environment=aws,
        )

    def emulator(
        self,
        name: str,
        colour: ColourOutputs,
        *,
        streams: int,
        script: Path | None = None,
        faults: bool = False,
    ) -> ChildSpec:
        """Return the spec of a colour's recogniser.

        Args:
            name: The colour.
            colour: What the stack says of it.
            streams: Streams it takes at a time; 0 for its own default.
            script: What it says whatever it hears; None to recognise speech.
            faults: Whether it takes scripts of faults over HTTP.
        """
        chosen = ("--model-name", colour.model) if colour.model else ()
        slots = ("--max-streams", str(streams)) if streams else ()
        scripted = () if script is None else ("--engine", "none", "--script", str(script))
        admin = ("--admin",) if faults else ()
        return self.spec(
            f"emulator-{name}",
            tier=TIER_EMULATOR,
            module="app.emulator",
            arguments=(
                *("--host", LOOPBACK),
                *("--grpc-port", str(colour.riva_grpc_port)),
                *("--http-port", str(colour.riva_http_port)),
                *("--tags-selector", colour.tags_selector),
                *chosen,
                *slots,
                *scripted,
                *admin,
            ),
            address=f"grpc://{LOOPBACK}:{colour.riva_grpc_port}",
            port=colour.riva_http_port,
            probe=answers(
                self.client, f"http://{LOOPBACK}:{colour.riva_http_port}/v1/health/ready"
            ),
        )

    def gateway(
        self, name: str, colour: ColourOutputs, outputs: StackOutputs, admin_port: int = 0
    ) -> ChildSpec:
        """Return the spec of a colour's gateway.

        Args:
            name: The colour.
            colour: What the stack says of it.
            outputs: What it says of all.
            admin_port: Of its administrative listener; 0 for a free one, which its log names.
        """
        address = f"https://{LOOPBACK}:{colour.gateway_port}"
        return self.spec(
            f"gateway-{name}",
            tier=TIER_GATEWAY,
            module="app.gateway",
            arguments=(),
            address=address,
            port=colour.gateway_port,
            probe=gateway_answers(self.folder.gateway_tls, f"{address}/readyz"),
            environment={
                **stack_variables(
                    hosts=(urlsplit(outputs.endpoint_url).hostname or "",),
                    # The listener, which stands where the load balancer does.
                    trusted_proxies=f"{LOOPBACK}/32",
                    grace_seconds=GATEWAY_GRACE_SECONDS,
                    access_list_file=str(self.folder.access_list),
                    resume_keys_file=str(self.folder.resume_keys),
                    max_sessions=outputs.gateway_max_sessions,
                    model=colour.model,
                    riva_streams=outputs.riva_endpoint_streams,
                    fallback_endpoints=outputs.riva_fallback_endpoints,
                    language_groups=colour.language_groups,
                ),
                **traced(os.environ, name),
                # On this machine nobody needs a key; who shows one is held to it.
                "APP_ANONYMOUS": "allowed",
                # All clients come from one address here, so no share may be kept from it.
                "WS_CLIENT_SHARE": "1",
                "APP_COLOUR": name,
                "APP_HOST": LOOPBACK,
                "APP_PORT": str(colour.gateway_port),
                "APP_SSL_CERT": str(self.folder.gateway_tls),
                "APP_SSL_KEY": str(self.folder.gateway_tls),
                "APP_ADMIN_PORT": str(admin_port),
                "APP_ALLOWED_ORIGINS": ",".join(origins(outputs)),
                "APP_RECOGNITION_FILE": str(self.folder.recognition),
                "APP_DRAIN_TIMEOUT_S": GATEWAY_DRAIN_SECONDS,
                "RIVA_HOST": LOOPBACK,
                "RIVA_PORT": str(colour.riva_grpc_port),
                "RIVA_HTTP_PORT": str(colour.riva_http_port),
            },
        )

    def listener(
        self, outputs: StackOutputs, identity: TlsIdentity, aws: Mapping[str, str]
    ) -> ChildSpec:
        """Return the spec of the TLS listener before the gateways."""
        return self.spec(
            "listener",
            tier=TIER_LISTENER,
            module="ops.local.load_balancer.listener",
            arguments=(
                *("--outputs", str(self.folder.outputs)),
                *("--certificate", str(identity.certificate)),
                *("--key", str(identity.key)),
                *("--gateways", str(self.folder.gateway_tls)),
            ),
            address=outputs.endpoint_url,
            port=outputs.listener_port,
            probe=answers(self.client, f"{outputs.endpoint_url}/readyz"),
            environment=aws,
        )

    def prometheus(
        self, program: Path, environment: str, *, port: int, admin_ports: Mapping[str, int]
    ) -> ChildSpec:
        """Return the spec of a Prometheus that scrapes the gateways, and write its settings.

        Args:
            program: Where it is installed.
            environment: Name of the stack.
            port: Where it is to listen.
            admin_ports: Colour -> port of its gateway's administrative listener.
        """
        address = f"http://{LOOPBACK}:{port}"
        settings, data = self.folder.path / "prometheus.yml", self.folder.path / "prometheus"
        settings.write_text(prometheus.settings(environment, admin_ports))
        return ChildSpec(
            name="prometheus",
            tier=TIER_LISTENER,
            arguments=prometheus.arguments(program, settings, data, port),
            environment=scrubbed(os.environ),
            folder=self.folder.path,
            log=self.folder.logs / "prometheus.log",
            address=address,
            port=port,
            probe=answers(self.client, f"{address}/-/ready"),
            stop_seconds=STOP_SECONDS,
        )

    def apply(
        self, stack: str, *, root: Path, overrides: str, aws: Mapping[str, str], engine: bool
    ) -> ChildSpec:
        """Return the spec of the run that creates the stack in the API, by Pulumi's engine or not.

        The engine begins with an empty state, as the API does.
        """
        endpoint = aws["AWS_ENDPOINT_URL"]

        async def never() -> str | None:
            return "is creating the stack"

        return self.spec(
            "apply",
            tier=TIER_EMULATOR,
            module="ops.local.provision",
            arguments=(
                *("--stack", stack),
                *("--root", str(root)),
                *("--endpoint", endpoint),
                *("--credentials", str(self.folder.aws_credentials)),
                *("--overrides", overrides),
                *("--outputs", str(self.folder.outputs)),
                *(("--engine", str(self.folder.engine)) if engine else ()),
            ),
            address=endpoint,
            port=None,
            probe=never,
            environment=aws,
        )
