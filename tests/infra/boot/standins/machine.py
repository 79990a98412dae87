"""A machine with a real systemd: an overlay of this root in namespaces of its own.

What it writes lands in a folder and what it starts ends with it, so nothing of the machine that
runs the test changes. Programs of AWS, Docker and NVIDIA are stand-ins; of the first boot's
cloud-init only the list of commands is played.
"""

import json
import os
import shlex
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.boot import MachineSettings, read_user_data, render_user_data
from infra.boot.programs import host_programs, program_key
from tests.infra.boot.standins.host import (
    INSTANCE,
    STANDINS,
    Call,
    read_calls,
    rule,
    standin_program,
)
from tests.infra.boot.standins.starting import machine_path, tied
from tests.support.boot_settings import REGION
from tests.support.tools import need

HERE = Path(__file__).parent
LIMIT_SECONDS = 60
METADATA = "http://169.254.169.254"

START = """
set -eu
folder=$1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/disk,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount --rbind /sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
# Only what the user data brings is to start, not what this machine's own units want.
rm -rf lib/systemd/system/*.wants lib/systemd/system-generators
: >etc/fstab
ip link set lo up
ip address add 169.254.169.254/32 dev lo
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot . env -i container=other PATH=$path /lib/systemd/systemd --unit=scenario.target \
  --log-target=console --log-level=notice --show-status=false
"""


def unit(*service: str, **sections: str) -> str:
    """Text of a one-shot or simple service."""
    head = "".join(f"{key}={text}\n" for key, text in sections.items())
    return f"[Unit]\nDefaultDependencies=no\n{head}[Service]\n" + "\n".join(service) + "\n"


@dataclass
class Machine:
    """One machine; `boot` runs it until its scenario ends, and its disk stays for the next boot.

    Attributes:
        folder: where it lies.
        settings: what its user data is made of.
        rules: how its stand-ins answer.
    """

    folder: Path
    settings: MachineSettings
    rules: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk = self.folder / "disk"
        for name in ("disk", "work", "root"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o755)
        document = yaml.safe_load(read_user_data(render_user_data(self.settings)))
        for entry in document["write_files"]:
            self.write(entry["path"], entry["content"], int(entry["permissions"], 8))
        self.change("/etc/perch/boot.env", 'PERCH_POLL_SECONDS="5"', 'PERCH_POLL_SECONDS="0.2"')
        # A test's disk need not hold an image of 20 GB.
        self.change("/etc/perch/boot.env", 'MIN_DISK_GIB="60"', 'MIN_DISK_GIB="1"')
        self.change("/etc/perch/boot.env", f"https://ssm.{REGION}.amazonaws.com", METADATA)
        commands = "".join(f"{shlex.join(command)}\n" for command in document["runcmd"])
        self.write("/opt/machine/first-boot", f"#!/bin/sh\n{commands}", 0o755)
        self._surroundings()

    def _surroundings(self) -> None:
        """What an AMI, AWS and Docker would be."""
        self.write("/opt/standins/.here", "")
        self.write("/opt/standins/calls", "", 0o666)
        (self.disk / "opt/standins").chmod(0o777)
        for text in host_programs().values():
            address = f"s3://{self.settings.artefact_bucket}/{program_key(text)}"
            self.s3_object(address).write_text(text)
        for name in STANDINS:
            if name not in {"systemctl", "journalctl", "chown"}:
                self.write(f"/usr/local/bin/{name}", standin_program("/usr/bin/python3"), 0o755)
                self.write(f"/usr/bin/{name}", standin_program("/usr/bin/python3"), 0o755)
        self.write("/opt/machine/metadata.py", (HERE / "metadata_service.py").read_text())
        self.metadata("instance-id", INSTANCE)
        self.metadata("autoscaling/target-lifecycle-state", "InService")
        self.metadata("recognition", "on")
        self.metadata("secrets-version", "0")
        keys = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "Token"), "made-up")
        self.metadata("iam/security-credentials/perch-dev-blue", json.dumps(keys))
        units = {
            "containerd.service": unit(
                "Type=oneshot", "ExecStart=/bin/true", "RemainAfterExit=yes"
            ),
            "docker.socket": "[Unit]\nDefaultDependencies=no\n"
            "[Socket]\nListenStream=/run/docker.sock\n",
            "docker.service": unit("Type=oneshot", "ExecStart=/bin/true", "RemainAfterExit=yes"),
            "metadata.service": unit(
                "ExecStart=/usr/bin/python3 /opt/machine/metadata.py /opt/machine/metadata"
            ),
            "first-boot.service": unit(
                "Type=oneshot",
                "ExecStart=/opt/machine/first-boot",
                "ExecStartPost=/bin/touch /opt/machine/booted",
                "StandardOutput=append:/opt/machine/first-boot.log",
                "StandardError=inherit",
                ConditionPathExists="!/opt/machine/booted",
                After="metadata.service basic.target",
            ),
            "scenario.service": unit(
                "Type=oneshot",
                f"ExecStart=/usr/bin/timeout {LIMIT_SECONDS} /bin/bash -eu /opt/machine/scenario",
                "ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/opt/machine/status'",
                "ExecStopPost=/bin/systemctl exit 0",
                "StandardOutput=append:/opt/machine/scenario.log",
                "StandardError=inherit",
                After="first-boot.service",
            ),
            "scenario.target": "[Unit]\nWants=metadata.service first-boot.service scenario.service "
            "multi-user.target\n",
            # A stand-in notes its calls in a folder that no unit of the machine may write.
            "service.d/standins.conf": "[Service]\nReadWritePaths=-/opt/standins\n",
            # That gives a unit mounts of its own, and this one's are for all.
            "perch-store.service.d/zz-mounts.conf": "[Service]\nReadWritePaths=\n",
        }
        for name, text in units.items():
            self.write(f"/etc/systemd/system/{name}", text)
        # Of what every boot does, the one thing the machine counts on: /run as tmpfiles.d says.
        wants = self.disk / "etc/systemd/system/sysinit.target.wants"
        wants.mkdir()
        (wants / "systemd-tmpfiles-setup.service").symlink_to(
            "/lib/systemd/system/systemd-tmpfiles-setup.service"
        )

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file on the machine's disk."""
        target = self.disk / path.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def read(self, path: str) -> str:
        """Text of a file on its disk, empty if there is none."""
        target = self.disk / path.removeprefix("/")
        return target.read_text() if target.exists() else ""

    def change(self, path: str, before: str, after: str) -> None:
        """Change a text that must be there."""
        text = self.read(path)
        assert before in text
        target = self.disk / path.removeprefix("/")
        target.write_text(text.replace(before, after))

    def metadata(self, path: str, value: str) -> None:
        """What the metadata service says."""
        self.write(f"/opt/machine/metadata/{path}", value)

    def s3_object(self, address: str) -> Path:
        """Where the stand-in of S3 keeps an object."""
        path = self.disk / "opt/standins/s3" / address.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def answer(self, *words: str, **how: Any) -> None:  # noqa: ANN401 - of `rule`
        """Let the stand-ins answer a command line so."""
        self.rules.append(rule(*words, **how))

    def boot(self, scenario: str) -> None:
        """Run the machine until the scenario, a bash script on it, has ended.

        Raises:
            AssertionError: the scenario failed or ran out of time; it has the machine's logs.
        """
        self.write("/opt/standins/rules", ascii(self.rules))
        self.write("/opt/machine/scenario", scenario)
        (self.disk / "opt/machine/status").unlink(missing_ok=True)
        group = own_cgroup() / f"perch-machine-{uuid.uuid4().hex}"
        group.mkdir()
        enter = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"'
        kinds = ("mount", "pid", "uts", "ipc", "net", "cgroup")
        namespaces = ["--fork", "--kill-child", *(f"--{kind}" for kind in kinds)]
        try:
            inside = ("bash", "-c", START, "start", self.folder)
            done = subprocess.run(
                tied(["sh", "-c", enter, "sh", group, "unshare", *namespaces, *inside]),
                env=os.environ | {"PATH": machine_path()},
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT_SECONDS + 60,
            )
        finally:
            for path in sorted(group.rglob("*/"), reverse=True):
                path.rmdir()
            group.rmdir()
        status = self.read("/opt/machine/status").strip()
        assert status == "0", f"scenario: {status!r}\n{done.stdout}{done.stderr}\n{self.logs()}"

    def logs(self) -> str:
        """Everything the machine wrote down."""
        paths = ["/opt/machine/scenario.log", "/opt/machine/first-boot.log"]
        paths += [f"/var/log/perch/{name}.log" for name in ("host", "asr", "gateway")]
        return "".join(f"== {path}\n{self.read(path)}" for path in paths)

    def calls(self, *words: str) -> list[Call]:
        """Calls of stand-ins whose command lines hold all the words."""
        calls = read_calls(self.disk / "opt/standins/calls")
        return [call for call in calls if all(word in call.line for word in words)]

    def told(self) -> list[str]:
        """What the auto-scaling group was told, heartbeats left out."""
        option = "--lifecycle-action-result"
        calls = self.calls("complete-lifecycle-action")
        return [
            f"{call.arguments[call.arguments.index('--lifecycle-hook-name') + 1]} "
            f"{call.arguments[call.arguments.index(option) + 1]}"
            for call in calls
        ]


def own_cgroup() -> Path:
    """This process's folder in the unified cgroup hierarchy."""
    done = subprocess.run(
        [need("findmnt", "util-linux"), "-n", "-t", "cgroup2", "-o", "TARGET"],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [
        line
        for line in Path("/proc/self/cgroup").read_text().splitlines()
        if line.startswith("0::")
    ]
    return Path(done.stdout.splitlines()[0] + line.removeprefix("0::"))


def need_machines() -> None:
    """Skip where this process may not make namespaces; that is no missing program."""
    need("systemd-analyze", "systemd")
    need("findmnt", "util-linux")
    need("ip", "iproute2")
    need("unshare", "util-linux")
    need("mount", "mount")
    need("chroot", "coreutils")
    if os.geteuid() != 0:
        pytest.skip("only root may start a systemd in namespaces of its own")


def remove(machine: Machine) -> None:
    """Free the disk; a bundle unpacked is hundreds of megabytes."""
    shutil.rmtree(machine.folder)
