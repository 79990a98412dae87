"""One `perch up`, seen as a stack on this machine and as one in AWS, and faults for both.

Seen as one in AWS: the same outputs in a folder without a running supervisor, so `perch` asks the
AWS API of `perch up` as it would ask an account, and reaches the machines there by SSH. The
endpoint is the same, so a fault on a machine is a fault that `perch smoke` sees.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import httpx
import trustme

from ops.local.access import local_session
from ops.local.gateways import trust
from ops.loopback import NAMES
from ops.rollout import place
from ops.rollout.journal import KEY
from ops.rollout.weights import Weights
from tests.runbooks.machines import InstanceConnect, Machine, made, programs
from tests.runbooks.pages import HERE, ROOT, Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import boto3

    from ops.stack import ColourOutputs
    from tests.support.up_process import Up

BLOCK_SECONDS: Final = 180
KEPT: Final = ("LANG", "LC_ALL", "PATH", "TMPDIR")
COLOURS: Final = ("blue", "green")


@dataclass
class Stage:
    """A stack with what a runbook's commands need around it.

    Attributes:
        up: The running stack.
        folder: Of everything that is made here.
        machines: Colour -> its machine.
        connect: EC2 Instance Connect.
        session: Of the stack's AWS API.
    """

    up: Up
    folder: Path
    machines: dict[str, Machine]
    connect: InstanceConnect
    session: boto3.session.Session
    undo: list[Callable[[], object]] = field(default_factory=list)

    def api(self, service: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
        """Return a client of the stack's AWS API."""
        return self.session.client(service, endpoint_url=self.up.state.aws["AWS_ENDPOINT_URL"])  # type: ignore[call-overload]  # the caller's

    def colour(self, name: str) -> ColourOutputs:
        """Return what the stack says of a colour."""
        return dict(self.up.outputs.colours.items())[name]  # type: ignore[index]  # one of two

    @property
    def python(self) -> str:
        """Return the interpreter, as a shell takes it."""
        return shlex.quote(sys.executable)

    def run(self, block: Block, variables: Mapping[str, str], shorter: Mapping[str, str]) -> str:
        """Paste a block into a shell; its output, standard error in it.

        Args:
            block: The commands.
            variables: Set in the shell before.
            shorter: Command -> what is run in its place.

        Raises:
            AssertionError: A command of it failed.
        """
        self.know_machines()
        in_aws = block.kind != HERE
        text = reduce(lambda so_far, pair: so_far.replace(*pair), shorter.items(), block.text)
        done = subprocess.run(
            ["bash", "-c", f"set -eo pipefail\n. runbooks/env.sh\n{text}"],
            cwd=self.folder / "checkout",
            env={**self.environment(in_aws=in_aws), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{block}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def environment(self, *, in_aws: bool) -> dict[str, str]:
        """Return the variables of a person's shell."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        kept["PATH"] = f"{self.folder / 'programs'}:{kept['PATH']}"
        kept["HOME"] = str(self.folder)
        if not in_aws:
            return kept | {"PERCH_STATE_DIR": str(self.up.folder.path)}
        return {
            **kept,
            **self.up.state.aws,
            "PERCH_STATE_DIR": str(self.folder / "in-aws"),
            "AWS_ENDPOINT_URL_EC2_INSTANCE_CONNECT": self.connect.url,
            "PERCH_HOST_USER": getpass.getuser(),
        }

    def know_machines(self) -> None:
        """Have every machine that AWS has by now led to its colour's sshd, by a published key."""
        ec2 = self.api("ec2")
        pages = ec2.describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
        )["Reservations"]
        for found in (one for page in pages for one in page["Instances"]):
            link = self.folder / "machines" / found["InstanceId"]
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
            if link.exists() or tags.get("Colour") not in self.machines:
                continue
            machine = self.machines[tags["Colour"]]
            link.symlink_to(machine.folder)
            key = {"Key": "perch:host-key", "Value": machine.host_key}
            ec2.create_tags(Resources=[found["InstanceId"]], Tags=[key])

    # Faults. Each is taken back by `restore`, whether a runbook has mended it or not.

    def hang(self, child: str) -> None:
        """Let a process of the stack answer nobody any more; a restart of it helps."""
        pid = self.pid(child)
        os.killpg(pid, signal.SIGSTOP)

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)

        self.undo.append(go_on)

    def pid(self, child: str) -> int:
        """Return the process id of a process of the stack."""
        return next((one.pid for one in self.up.state.children if one.name == child), 0)

    def restart(self, child: str) -> str:
        """Return the line of a shell that kills a process, which `perch up` then starts again."""
        code = (
            "import json, os, signal; "
            f"state = json.load(open({str(self.up.folder.state)!r})); "
            "[os.killpg(one['pid'], signal.SIGKILL) for one in state['children'] "
            f"if one['name'] == {child!r}]"
        )
        return f'exec {self.python} -S -c "{code}"'

    def serve_certificate(self, *, days: int) -> None:
        """Let the endpoint prove itself with a certificate of so many more days."""
        folder, now = self.up.folder.path, datetime.now(UTC)
        authority = trustme.CA.from_pem(
            (folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes()
        )
        issued = authority.issue_cert(
            *NAMES,
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=days, hours=1),
        )
        (folder / "server.key").write_bytes(issued.private_key_pem.bytes())
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        (folder / "server.pem").write_bytes(chain)
        old = self.pid("listener")
        os.killpg(old, signal.SIGKILL)
        _wait(
            lambda: self.pid("listener") != old and self._listens(),
            "the listener has not come back",
            seconds=60,
        )

    def _listens(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.up.outputs.listener_port), timeout=2),
        ):
            return True
        return False

    def alarm(self, name: str) -> None:
        """Put an alarm of the stack into ALARM."""
        api, full = self.api("cloudwatch"), f"perch-{self.up.outputs.environment}-{name}"
        assert api.describe_alarms(AlarmNames=[full])["MetricAlarms"], full
        for state in ("ALARM", "OK"):
            call = {"AlarmName": full, "StateValue": state, "StateReason": "a runbook's test"}
            if state == "OK":
                self.undo.append(lambda call=call: api.set_alarm_state(**call))  # type: ignore[misc]  # bound
            else:
                api.set_alarm_state(**call)

    def log(self, source: str, *texts: str, colour: str = "blue") -> None:
        """Write lines into a log group of CloudWatch, as a machine's agent does."""
        api = self.api("logs")
        group = getattr(self.up.outputs.log_group_names, source)
        stream = f"{self.machine_id(colour)}/host-{time.monotonic_ns()}"
        api.create_log_stream(logGroupName=group, logStreamName=stream)
        at = int(datetime.now(UTC).timestamp() * 1000)
        events = [{"timestamp": at, "message": text} for text in texts]
        api.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def machine_id(self, colour: str) -> str:
        """Return the EC2 id of a machine of a colour."""
        [group] = self.api("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.colour(colour).auto_scaling_group_name]
        )["AutoScalingGroups"]
        return str(group["Instances"][0]["InstanceId"])

    def bounds(self, colour: str, *, fewest: int = 0, most: int = 4, desired: int = 1) -> None:
        """Give a group the bounds of a stack whose file allows them."""
        api, name = self.api("autoscaling"), self.colour(colour).auto_scaling_group_name
        bounds = {"MinSize": fewest, "MaxSize": most, "DesiredCapacity": desired}
        api.update_auto_scaling_group(AutoScalingGroupName=name, **bounds)
        usual = {"MinSize": 1, "MaxSize": 1, "DesiredCapacity": 1}
        self.undo.append(lambda: api.update_auto_scaling_group(AutoScalingGroupName=name, **usual))

    def desired(self, colour: str) -> int:
        """Return how many machines a colour's group asks for."""
        [group] = self.api("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.colour(colour).auto_scaling_group_name]
        )["AutoScalingGroups"]
        return int(group["DesiredCapacity"])

    def objects(self, prefix: str = "") -> list[str]:
        """Return the keys in the model cache's bucket."""
        found = self.api("s3").list_objects_v2(
            Bucket=self.up.outputs.model_cache_bucket, Prefix=prefix
        )
        return [one["Key"] for one in found.get("Contents", ())]

    def put(self, key: str, text: str) -> None:
        """Write an object into the model cache's bucket."""
        self.api("s3").put_object(
            Bucket=self.up.outputs.model_cache_bucket, Key=key, Body=text.encode()
        )

    def until(self, colour: str, *, ready: bool) -> None:
        """Wait until a gateway is healthy, or is not."""
        url = f"https://127.0.0.1:{self.colour(colour).gateway_port}/readyz?ignore=capacity"
        trusted = trust(self.up.folder.gateway_tls)
        _wait(lambda: _healthy(url, trusted) is ready, f"{colour} is ready: {not ready}")

    def weigh(self, blue: int) -> None:
        """Turn so many percent of new sessions to blue and the rest to green, as by hand."""
        Weights(place.of_outputs(self.up.outputs), self.api("elbv2")).turn("blue", blue)

    def restore(self) -> None:
        """Take every fault back, and every release, and wait until both colours serve."""
        for step in reversed(self.undo):
            step()
        self.undo.clear()
        self.weigh(blue=100)
        self.api("ssm").put_parameter(
            Name=self.up.outputs.in_service_parameter_name, Value="blue", Overwrite=True
        )
        self.api("s3").delete_object(Bucket=self.up.outputs.artefact_bucket, Key=KEY)
        for colour in self.machines:
            self.renew(colour)
        for key in self.objects():
            self.api("s3").delete_object(Bucket=self.up.outputs.model_cache_bucket, Key=key)
        for colour in COLOURS:
            self.until(colour, ready=True)
            self._until_served(colour)

    def renew(self, colour: str) -> None:
        """Put a new machine in a colour's place, whose units act on the stack's processes."""
        machine = self.machines[colour]
        machine.renew()
        machine.unit("perch-asr", self.restart(f"emulator-{colour}"))
        machine.unit("perch-gateway", self.restart(f"gateway-{colour}"))

    def _until_served(self, colour: str) -> None:
        """Wait until the load balancer, which looks for itself, takes a colour for healthy."""
        outputs = self.up.outputs
        trust = ssl.create_default_context(cafile=outputs.ca_certificate_path)
        url, header = f"{outputs.endpoint_url}/readyz", outputs.direct_header
        _wait(lambda: _healthy(url, trust, header, colour), f"{colour} is not served")


def _wait(holds: Callable[[], bool], otherwise: str, *, seconds: float = 90) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: It does not in time; says `otherwise`.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


def _healthy(
    url: str, trust: ssl.SSLContext | None = None, header: str | None = None, colour: str = ""
) -> bool:
    headers = {header: colour} if header else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=2, trust_env=False, verify=trust or True)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _checkout(folder: Path) -> None:
    """Lay out a checkout of links whose stacks' files are its own: a page may change them."""
    folder.mkdir()
    for name in (".venv", "Pulumi.yaml", "app", "infra", "ops", "runbooks", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "stacks").mkdir()
    for file in (ROOT / "stacks").glob("*.yaml"):
        (folder / "stacks" / file.name).write_text(file.read_text())


@contextlib.contextmanager
def staged(up: Up, folder: Path) -> Iterator[Stage]:
    """Give a stage on a running stack."""
    for name in ("in-aws", "machines", "programs"):
        (folder / name).mkdir()
    _checkout(folder / "checkout")
    outputs = json.loads(up.folder.outputs.read_text())
    (folder / "in-aws" / "outputs.json").write_text(json.dumps(outputs))
    programs(folder / "programs", folder / "machines")
    connect = InstanceConnect(folder / "machines")
    stage = Stage(
        up=up,
        folder=folder,
        machines={colour: made(folder / colour) for colour in COLOURS},
        connect=connect,
        session=local_session(up.state.aws),
    )
    for colour in stage.machines:
        stage.renew(colour)
    try:
        yield stage
    finally:
        for step in reversed(stage.undo):
            step()
        connect.shutdown()
        connect.server_close()
