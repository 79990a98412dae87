"""A machine for `perch host`: a real sshd behind a stand-in for the AWS CLI, and moto for AWS.

The stand-in `aws` is the proxy command; it becomes `sshd -i`, which serves one connection on its
standard streams. So nothing listens on a port, and nothing is left running. moto's EC2 Instance
Connect puts the key where that sshd looks for it. Not proved: that AWS's own tunnels and its agent
on a machine do the same (docs/unverified.md).
"""

import getpass
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.ec2instanceconnect.responses import Ec2InstanceConnectResponse
from mypy_boto3_ec2 import EC2Client

from ops.host.command import command
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS
from tests.support.sshd import SSHD_CONFIG, new_key
from tests.support.tools import need

REGION = OUTPUTS["region"]
ENVIRONMENT = OUTPUTS["environment"]
MOTOS_IMAGE = "ami-12c6146b"
"""One of those that moto has from its start; to ask for them takes seconds."""


@dataclass
class SshServer:
    """One machine's sshd, and the programs that lead to it.

    Attributes:
        folder: its keys and its configuration.
        programs: folder of the stand-ins.
        keys: public keys it was given.
    """

    folder: Path
    programs: Path
    keys: list[str] = field(default_factory=list)

    @property
    def host_key(self) -> str:
        return " ".join((self.folder / "host-key.pub").read_text().split()[:2])

    def take(self, key: str) -> None:
        self.keys.append(key)
        (self.folder / "authorized-keys").write_text(f"{key}\n")

    def proxy(self, script: str) -> None:
        """Make `aws` another program."""
        (self.programs / "aws").write_text(f"#!/bin/sh\n{script}\n")

    def arguments(self) -> list[str]:
        """What the stand-in was called with."""
        return (self.folder / "arguments").read_text().split("\n")[:-1]

    def on_the_machine(self, name: str, script: str) -> None:
        """Put a program on the machine's PATH."""
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """The sshd, reached by `aws` on the PATH."""
    program = need("sshd", "openssh-server")
    folder, programs = tmp_path / "machine", tmp_path / "programs"
    for path in (folder, programs, folder / "bin"):
        path.mkdir()
    new_key(folder / "host-key")
    search = f"{folder / 'bin'}:{os.defpath}"
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(folder=folder, path=search))
    if os.geteuid() == 0:
        # Debian's sshd gives up its rights there; its own unit makes the folder.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = SshServer(folder=folder, programs=programs)
    server.proxy(
        f"echo $$ >{shlex.quote(str(folder / 'process'))}\n"
        f"printf '%s\\n' \"$@\" >{shlex.quote(str(folder / 'arguments'))}\n"
        f"exec {program} -i -e -f {shlex.quote(str(folder / 'sshd_config'))}"
    )
    for name in ("aws", "session-manager-plugin"):
        stand_in = programs / name
        if name != "aws":
            stand_in.write_text("#!/bin/sh\n")
        stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    # What the machine's sudo would do, whose rights a test has already.
    server.on_the_machine("sudo", 'shift; exec "$@"')
    return server


@dataclass
class Stack:
    """A stack in moto, whose only machine is that sshd."""

    sshd: SshServer
    folder: Path
    machine: str
    ec2: EC2Client

    def host(self, *arguments: str) -> Result:
        """Run a subcommand of `perch host`."""
        name, *others = arguments
        user = ["--user", getpass.getuser()]
        state = ["--state-dir", str(self.folder)]
        return CliRunner().invoke(command, [name, *state, *user, *others])

    def start(self, colour: str = "blue", host_key: str | None = None) -> str:
        """Start one more machine; its EC2 id."""
        return started(self.ec2, colour, host_key)


def started(ec2: EC2Client, colour: str, host_key: str | None) -> str:
    tags = {"Project": "perch", "Environment": ENVIRONMENT, "Colour": colour}
    if host_key is not None:
        tags["perch:host-key"] = host_key
    made = ec2.run_instances(
        ImageId=MOTOS_IMAGE,
        MinCount=1,
        MaxCount=1,
        InstanceType="g6.xlarge",
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    return str(made["Instances"][0]["InstanceId"])


@pytest.fixture
def stack(sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack: outputs in a folder, EC2 in moto."""

    def send(response: Ec2InstanceConnectResponse) -> str:
        asked = json.loads(response.body)
        sshd.take(asked["SSHPublicKey"])
        assert (asked["InstanceId"], asked["InstanceOSUser"]) == (machine, getpass.getuser())
        return json.dumps({"RequestId": "made-up", "Success": True})

    monkeypatch.setattr(Ec2InstanceConnectResponse, "send_ssh_public_key", send)
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "outputs.json").write_text(json.dumps(OUTPUTS))
    with bare_aws():
        ec2 = boto3.client("ec2", region_name=REGION)
        machine = started(ec2, "blue", sshd.host_key)
        yield Stack(sshd=sshd, folder=folder, machine=machine, ec2=ec2)
    shutil.rmtree(folder)
