"""A whole machine under a real systemd: first boot, service, reboot, drain, failed boots.

Real here: systemd with the units and their sandboxes, the scripts, curl, the gateway out of its
bundle, and gRPC between it and the emulator, which stands in for the recogniser's container. Not
proved: the AMI, Docker, the AWS CLI, a GPU.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.boot import MachineSettings
from infra.boot.settings import LAUNCH_HOOK, TERMINATION_HOOK
from tests.infra.boot.standins import answers
from tests.infra.boot.standins.host import gateway_identity
from tests.infra.boot.standins.machine import Machine, need_machines, remove
from tests.support.boot_settings import BUNDLE, boot_settings

ROOT = Path(__file__).parents[3]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.tool,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("machine"),
]

UNTIL = """
until_true() { until "$@"; do sleep 0.1; done; }
called() { grep -q -- "$1" /opt/standins/calls 2>/dev/null; }
logged() { grep -q -- "$1" /var/log/perch/host.log 2>/dev/null; }
"""


NO_ACTION = "An error occurred (ValidationError): No active Lifecycle Action found\n"


def small(**changes: object) -> MachineSettings:
    """Settings whose waits suit a test."""
    quick = {
        "gateway_environment": {
            "APP_READY_PROBE_INTERVAL_S": "0.2",
            "APP_DRAIN_GRACE_S": "0",
            # Its machine has no secret that says who may connect.
            "APP_ANONYMOUS": "allowed",
        },
        "drain_deadline_seconds": 20,
    }
    return boot_settings(**(quick | changes))


def with_gpu(machine: Machine) -> Machine:
    machine.answer("nvidia-smi", "compute_cap", out=answers.A10G)
    machine.answer("docker info", out=answers.RUNTIMES)
    machine.answer("gateway-tls", out=gateway_identity())
    machine.answer("get-secret-value", out="made-up\n")
    return machine


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's bundle for Debian's Python, which the service's user can reach."""
    need_machines()
    folder = tmp_path_factory.mktemp("bundle")
    command = [str(ROOT / "app" / "bundle"), str(folder), "/usr/bin/python3"]
    done = subprocess.run(
        command, env={**os.environ, "UV_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def lived(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that booted, served, rebooted, and was drained."""
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    machine = with_gpu(
        Machine(tmp_path_factory.mktemp("machine"), small(gateway_artifact_sha256=digest))
    )
    machine.answer("docker image inspect", status=1, times=1)
    python = "/opt/perch/gateway/bin/python"
    emulator = f"{python} -m app.emulator --engine none --grpc-port 50051 --http-port 9000"
    model = "echo engine >/var/lib/perch/store/models/engine.plan"
    # The container is started before the gateway's environment may be there.
    wait = f"until [ -e {python} ]; do sleep 0.1; done"
    recogniser = ("/bin/sh", "-c", f"{wait}; {model}; exec {emulator}")
    machine.answer("docker run", "perch-asr", becomes=recogniser)
    shutil.copyfile(bundle, machine.s3_object(BUNDLE))
    # As long as the load balancer has not let go, the hook does not wait.
    machine.answer(
        "complete-lifecycle-action", TERMINATION_HOOK, err=NO_ACTION, status=254, times=3
    )
    machine.boot(
        UNTIL
        + """
until_true logged "in service"
until_true logged "saved 1 files"
systemctl show perch-gateway -P User >/opt/machine/gateway
pid=$(systemctl show perch-gateway -P MainPID)
cat "/proc/$pid/status" >/opt/machine/gateway-status
until_true curl -sf -o /opt/machine/exporter http://127.0.0.1:9400/metrics
stat -c '%a %U %n' /run/perch/secrets/* /run/perch/files/* >/opt/machine/secrets
for unit in exporter recognition; do
  seen=/proc/$(systemctl show perch-$unit -P MainPID)/root/run/perch
  for file in files/gateway-tls.pem secrets/ngc.env secret-times; do
    cat "$seen/$file" >/dev/null 2>&1 && echo $file >>/opt/machine/seen-$unit
  done
done
systemctl is-enabled perch.target perch-gateway perch-asr >/opt/machine/enabled
for word in off on; do
  echo -n $word >/opt/machine/metadata/recognition
  until_true grep -q "\\"mode\\": *\\"$word\\".*recognition switched" /var/log/perch/gateway.log
done
stat -c '%a %U' /run/perch/recognition/word >/opt/machine/word
curl -sf --cacert /run/perch/files/gateway-tls.pem -o /opt/machine/readyz https://127.0.0.1:8080/readyz
curl -s http://127.0.0.1:8080/readyz >/opt/machine/clear || true
echo -n 1 >/opt/machine/metadata/secrets-version
until_true logged "the secrets are those of version 1"
systemctl show perch-gateway -P MainPID -P NRestarts >/opt/machine/gateway-restarts
echo "$pid" >>/opt/machine/gateway-restarts
"""
    )
    machine.boot(
        UNTIL
        + """
until_true logged "this was a reboot"
cd /opt/machine/metadata
mkdir spot
echo '{"action": "terminate", "time": "2026-11-22T12:00:00Z"}' >spot/instance-action
until_true logged "lets this machine go"
systemctl is-active perch-gateway >/opt/machine/gateway-after || true
"""
    )
    yield machine
    remove(machine)


class TestAMachineThatBoots:
    def test_enters_service_when_the_recogniser_answers(self, lived: Machine) -> None:
        assert lived.told()[0] == f"{LAUNCH_HOOK} CONTINUE"
        assert lived.calls("MetricName=BootSeconds")

    def test_plays_every_command_of_cloud_init_without_complaint(self, lived: Machine) -> None:
        log = lived.read("/opt/machine/first-boot.log")
        assert "Failed" not in log.replace("Failed to disable unit: Unit file apt-daily", "")

    def test_runs_the_gateway_as_its_own_user_without_capabilities(self, lived: Machine) -> None:
        assert lived.read("/opt/machine/gateway").strip() == "perch"
        status = lived.read("/opt/machine/gateway-status")
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status

    def test_shows_secrets_to_their_reader_alone(self, lived: Machine) -> None:
        lines = dict(
            line.rsplit(" ", 1)[::-1] for line in lived.read("/opt/machine/secrets").splitlines()
        )
        assert lines["/run/perch/secrets/ngc.env"] == "600 root"
        assert lines["/run/perch/files/riva-ca.pem"] == "600 perch"

    def test_secrets_are_out_of_sight_of_units_that_need_none(self, lived: Machine) -> None:
        """Looked at from within their mounts by somebody who may read every file."""
        for unit in ("exporter", "recognition"):
            assert lived.read(f"/opt/machine/seen-{unit}").split() == ["secret-times"]

    def test_its_gateway_speaks_tls_of_the_environments_authority_and_nothing_else(
        self, lived: Machine
    ) -> None:
        assert "ready" in lived.read("/opt/machine/readyz")
        assert lived.read("/opt/machine/clear") == ""

    def test_fetches_its_secrets_again_while_its_gateway_goes_on(self, lived: Machine) -> None:
        fetched = lived.calls("get-secret-value", "gateway-tls")
        assert len(fetched) > 2  # at the boot, by the first look at the version, and by the second
        main, restarts, before = lived.read("/opt/machine/gateway-restarts").split()
        assert (main, restarts) == (before, "0")

    def test_its_gateway_followed_the_switch_off_and_on_again(self, lived: Machine) -> None:
        assert lived.read("/opt/machine/word").strip() == "644 root"
        host = lived.read("/var/log/perch/host.log")
        assert [line.split()[-1] for line in host.splitlines() if ": recognition is" in line] == [
            *("on", "off", "on"),
            *("on",),  # after the reboot: the word was in memory alone
        ]

    def test_fetches_its_exporter_and_answers_who_scrapes_it(self, lived: Machine) -> None:
        assert "perch_host_disk_free_bytes" in lived.read("/opt/machine/exporter")

    def test_keeps_the_models_for_the_next_machine(self, lived: Machine) -> None:
        (ready,) = lived.s3_object("s3://perch-dev-models/models").rglob("READY")
        assert "files=1" in ready.read_text()

    def test_writes_the_gateways_log_where_the_agent_reads_it(self, lived: Machine) -> None:
        assert lived.read("/var/log/perch/gateway.log")


class TestTheSameMachineAfterAReboot:
    def test_serves_again_without_pulling_installing_or_telling_anybody(
        self, lived: Machine
    ) -> None:
        assert len(lived.calls("docker pull")) == 1
        assert len(lived.calls("s3 cp", BUNDLE)) == 1
        assert [line for line in lived.told() if line.startswith(LAUNCH_HOOK)] == [
            f"{LAUNCH_HOOK} CONTINUE"
        ]

    def test_fetches_its_secrets_again_since_they_were_in_memory_alone(
        self, lived: Machine
    ) -> None:
        fetched = [
            call
            for call in lived.calls("get-secret-value", "ngc-key")
            if call.environment["PERCH_UNIT"] == "perch-secrets.service"
        ]
        assert len(fetched) == 2

    def test_drains_on_a_spot_notice_before_it_lets_the_machine_go(self, lived: Machine) -> None:
        refused, last = lived.told()[-4:-1], lived.told()[-1]
        assert refused == [last] * 3 == [f"{TERMINATION_HOOK} CONTINUE"] * 3
        assert lived.read("/opt/machine/gateway-after").strip() == "inactive"


def broken_machine(tmp_path: Path) -> Machine:
    """A machine whose gateway is installed and waits, for boots that end before it is asked."""
    need_machines()
    digest = "0123456789abcdef" * 4
    machine = Machine(tmp_path, small(gateway_artifact_sha256=digest))
    release = f"/opt/perch/releases/{digest[:16]}"
    machine.write(f"{release}/whole", "")
    machine.write(f"{release}/venv/bin/python", "#!/bin/sh\nexec sleep infinity\n", 0o755)
    return machine


def test_a_machine_that_cannot_pull_its_image_abandons_the_launch_at_once(tmp_path: Path) -> None:
    machine = with_gpu(broken_machine(tmp_path))
    machine.answer("docker image inspect", status=1)
    machine.answer("docker pull", err=answers.NO_SPACE, status=1)
    machine.boot(UNTIL + "until_true called ABANDON; until_true logged 'not waiting'")
    assert machine.told() == [f"{LAUNCH_HOOK} ABANDON"]
    (call,) = machine.calls("MetricName=BootFailures")
    assert "Value=disk_full" in call.line
    assert not machine.calls("docker run")
    assert list(machine.s3_object("s3://perch-dev-models/boot-failures").rglob("*-disk_full.log"))
    assert "FAILED unit=perch-image.service reason=disk_full" in machine.read(
        "/var/log/perch/host.log"
    )


def test_a_recogniser_that_dies_is_started_again_until_its_limit_and_then_reported(
    tmp_path: Path,
) -> None:
    machine = with_gpu(broken_machine(tmp_path))
    machine.answer("docker run", "perch-asr", err="no profile matches the selector\n", status=1)
    machine.write(
        "/etc/systemd/system/perch-asr.service.d/quick.conf", "[Service]\nRestartSec=0.1\n"
    )
    machine.boot(UNTIL + "until_true called ABANDON; until_true logged 'not waiting'")
    assert len(machine.calls("docker run")) == 5
    assert machine.told() == [f"{LAUNCH_HOOK} ABANDON"]
    (call,) = machine.calls("MetricName=BootFailures")
    assert "Value=unit_failed" in call.line
    assert "no profile matches" in machine.read("/var/log/perch/asr.log")


def test_a_machine_that_shuts_down_stops_the_recogniser_only_after_the_gateway_has_drained(
    tmp_path: Path,
) -> None:
    """As when somebody stops the instance: no hook and no notice comes before."""
    machine = with_gpu(broken_machine(tmp_path))

    def until_stopped(name: str, seconds: int) -> str:
        leave = f"sleep {seconds}; echo {name} >>/opt/standins/order; exit 0"
        return f"trap '{leave}' TERM; touch /opt/standins/{name}; while :; do sleep 0.1; done"

    recogniser = ("/bin/sh", "-c", until_stopped("recogniser", 0))
    machine.answer("docker run", "perch-asr", becomes=recogniser)
    digest = machine.settings.gateway_artifact_sha256 or ""
    python = f"/opt/perch/releases/{digest[:16]}/venv/bin/python"
    machine.write(python, f"#!/bin/sh\n{until_stopped('gateway', 2)}\n", 0o755)
    machine.boot(
        UNTIL
        + """
until_true systemctl is-active --quiet perch-drain
until_true test -e /opt/standins/recogniser
until_true test -e /opt/standins/gateway
"""
    )
    assert machine.read("/opt/standins/order").split() == ["gateway", "recogniser"]


RECOGNISER = """
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

time.sleep(5)
Path("/var/lib/perch/store/models/engine.plan").write_text("engine")
HTTPServer(("127.0.0.1", 9000), Ready).serve_forever()
"""
"""A container that builds its models for longer than it is given."""


def test_a_machine_whose_first_start_takes_too_long_saves_its_models_and_then_gives_up(
    tmp_path: Path,
) -> None:
    machine = with_gpu(broken_machine(tmp_path))
    machine.change("/etc/perch/boot.env", 'READY_SECONDS="2700"', 'READY_SECONDS="2"')
    machine.write("/opt/machine/recogniser", RECOGNISER)
    machine.answer(
        "docker run", "perch-asr", becomes=("/usr/bin/python3", "/opt/machine/recogniser")
    )
    machine.boot(UNTIL + "until_true called ABANDON")
    assert machine.told() == [f"{LAUNCH_HOOK} ABANDON"]
    (ready,) = machine.s3_object("s3://perch-dev-models/models").rglob("READY")
    assert "files=1" in ready.read_text()
    order = [call.line for call in machine.calls("aws")]
    (failed, saved, left) = (
        next(place for place, line in enumerate(order) if word in line)
        for word in ("BootFailures", "--expected-size", "ABANDON")
    )
    assert failed < saved < left


def test_a_machine_with_a_disk_of_its_own_serves_from_it_and_after_a_stop_without_it(
    tmp_path: Path,
) -> None:
    """The mounts, Docker's stop and start and their order are systemd's; the disk is memory."""
    machine = with_gpu(broken_machine(tmp_path))
    machine.answer("docker image inspect", status=1)
    machine.answer("lsblk", out="/dev/nvme1n1 Amazon EC2 NVMe Instance Storage\n")
    machine.answer("wipefs", out="0x218 LVM2_member\n")
    machine.answer("docker run", "perch-asr", becomes=("/bin/sleep", "infinity"))
    machine.write(
        "/etc/systemd/system/opt-dlami-nvme.mount",
        "[Unit]\nDefaultDependencies=no\nBefore=first-boot.service docker.service\n"
        "[Mount]\nWhat=tmpfs\nWhere=/opt/dlami/nvme\nType=tmpfs\n",
    )
    machine.write(
        "/etc/systemd/system/first-boot.service.d/disk.conf",
        "[Unit]\nWants=opt-dlami-nvme.mount docker.service\nAfter=docker.service\n",
    )
    machine.boot(
        UNTIL
        + """
until_true systemctl is-active --quiet perch-asr
systemctl is-active docker containerd >/opt/machine/docker || true
for folder in /var/lib/docker /var/lib/containerd /var/lib/perch/store; do
  findmnt -n -o TARGET,FSTYPE "$folder" >>/opt/machine/mounts
done
ls /opt/dlami/nvme/perch >/opt/machine/store
"""
    )
    mounts = machine.read("/opt/machine/mounts").split()
    assert mounts == [
        *("/var/lib/docker", "tmpfs", "/var/lib/containerd", "tmpfs"),
        *("/var/lib/perch/store", "tmpfs"),
    ]
    assert machine.read("/opt/machine/store").split() == ["containerd", "docker", "models"]
    assert machine.read("/opt/machine/docker").split() == ["active", "active"]
    # What is in memory alone is gone, as such a disk is when a machine was stopped.
    machine.boot(
        UNTIL
        + """
until_true systemctl is-active --quiet perch-asr
findmnt -n -o FSTYPE /var/lib/perch/store >/opt/machine/mounts
findmnt -n /var/lib/docker >>/opt/machine/mounts || true
"""
    )
    assert machine.read("/opt/machine/mounts").split() == ["tmpfs"]
