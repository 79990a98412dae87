"""How a machine enters service and leaves it: readiness, the lifecycle hooks, failures, drain.

Stand-ins play aws and systemctl; the metadata service and /readyz are real HTTP. Not proved here:
that the auto-scaling group acts on what it is told.
"""

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from infra.authority import first_identity
from infra.boot.settings import LAUNCH_HOOK, TERMINATION_HOOK
from tests.infra.boot.standins.host import INSTANCE, Host, gateway_identity
from tests.infra.boot.standins.starting import start, stop, tied

NO_ACTION = (
    "An error occurred (ValidationError) when calling the CompleteLifecycleAction operation: "
    f"No active Lifecycle Action found with instance ID {INSTANCE}"
)


def told(host: Host) -> list[str]:
    """What the auto-scaling group was told, in order."""
    results = []
    for call in host.calls("autoscaling"):
        words = call.arguments
        verb = words[words.index("autoscaling") + 1]
        option = "--lifecycle-action-result"
        results.append(words[words.index(option) + 1] if option in words else verb)
    return results


class TestEnteringService:
    def test_completes_the_launch_hook_once_the_gateway_is_ready(self, host: Host) -> None:
        host.metadata.ready = True
        assert host.run("wait-ready").returncode == 0
        done = host.run("lifecycle", "launched")
        assert done.returncode == 0, done.stderr
        assert told(host) == ["CONTINUE"]
        (call,) = host.calls("complete-lifecycle-action")
        assert INSTANCE in call.arguments
        assert LAUNCH_HOOK in call.arguments
        assert host.calls("MetricName=BootSeconds")

    def test_does_not_complete_it_again_after_a_reboot(self, host: Host) -> None:
        host.run("lifecycle", "launched")
        assert host.run("lifecycle", "launched").returncode == 0
        assert told(host) == ["CONTINUE"]

    def test_takes_a_disk_copied_from_another_machine_for_a_new_one(self, host: Host) -> None:
        host.run("lifecycle", "launched")
        host.metadata.values["instance-id"] = "i-0fedcba9876543210"
        host.run("lifecycle", "launched")
        assert told(host) == ["CONTINUE", "CONTINUE"]

    def test_is_content_with_a_group_that_has_no_hook_waiting(self, host: Host) -> None:
        host.answer("complete-lifecycle-action", err=NO_ACTION, status=254)
        assert host.run("lifecycle", "launched").returncode == 0

    def test_fails_clearly_where_the_hook_cannot_be_completed(self, host: Host) -> None:
        host.answer("complete-lifecycle-action", err="An error occurred (AccessDenied)", status=254)
        assert host.run("lifecycle", "launched").returncode == 1
        assert host.reason() == "lifecycle_refused"

    def test_waits_for_a_group_that_is_slower_than_the_machine(self, host: Host) -> None:
        host.answer("complete-lifecycle-action", err=NO_ACTION, status=254, times=2)
        host.answer("complete-lifecycle-action", err="AccessDenied", status=254, times=2)
        assert host.run("lifecycle", "launched", PERCH_PATIENCE_SECONDS="3600").returncode == 0
        assert told(host) == ["CONTINUE"] * 5

    def test_keeps_the_hook_alive_while_models_load(self, host: Host) -> None:
        # Long enough for one question on a machine that is busy with other tests.
        done = host.run("wait-ready", PERCH_READY_SECONDS="3")
        assert done.returncode == 1
        assert host.reason() == "not_ready"
        assert told(host) == ["record-lifecycle-action-heartbeat"]

    def test_a_gateway_that_shows_a_certificate_of_somebody_else_is_not_ready(
        self, host: Host
    ) -> None:
        host.metadata.ready = True
        host.gateway_tls.write_text(first_identity("dev"))
        assert host.run("wait-ready", PERCH_READY_SECONDS="1").returncode == 1
        assert host.reason() == "not_ready"
        host.gateway_tls.write_text(gateway_identity())
        assert host.run("wait-ready").returncode == 0

    def test_a_gateway_that_speaks_no_tls_is_not_ready(self, host: Host) -> None:
        host.metadata.ready = True
        waited = host.run("wait-ready", PERCH_READY_SECONDS="1", PERCH_GATEWAY_PORT=host.own_port)
        assert (waited.returncode, host.reason()) == (1, "not_ready")

    @pytest.mark.parametrize("word", ["off", "fallback"])
    def test_enters_service_by_its_recogniser_while_recognition_is_switched_off(
        self, host: Host, word: str
    ) -> None:
        """Else every launch of an incident would be abandoned after 45 minutes of a GPU."""
        (host.run_folder / "recognition" / "word").write_text(f"{word}\n")
        host.metadata.switched_off = True
        port = host.own_port
        waited = host.run("wait-ready", PERCH_READY_SECONDS="1", PERCH_HTTP_PORT=port)
        assert waited.returncode == 1
        host.metadata.recogniser_ready = True
        assert host.run("wait-ready", PERCH_HTTP_PORT=port).returncode == 0

    def test_a_recogniser_that_answers_is_not_enough_while_recognition_is_on(
        self, host: Host
    ) -> None:
        (host.run_folder / "recognition" / "word").write_text("on\n")
        host.metadata.switched_off = host.metadata.recogniser_ready = True
        waited = host.run("wait-ready", PERCH_READY_SECONDS="1", PERCH_HTTP_PORT=host.own_port)
        assert waited.returncode == 1
        assert host.reason() == "not_ready"

    def test_waits_for_a_metadata_service_that_is_not_there_yet(self, host: Host) -> None:
        del host.metadata.values["instance-id"]
        done = host.run("lifecycle", "launched")
        assert done.returncode == 1
        assert host.reason() == "metadata_unreachable"
        assert told(host) == []
        assert host.metadata.asked == ["instance-id"] * 20

    def test_stops_waiting_when_the_boot_has_failed_elsewhere(self, host: Host) -> None:
        (host.run_folder / "abandoned").touch()
        assert host.run("wait-ready").returncode == 1
        assert host.reason() is None
        assert host.run("lifecycle", "launched").returncode == 1
        assert told(host) == []


class TestReportingAFailure:
    UNIT = "perch-image.service"

    def fail(self, host: Host, reason: str = "disk_full") -> subprocess.CompletedProcess[str]:
        (host.run_folder / f"reason.{self.UNIT}").write_text(f"{reason}\n")
        (host.folder / "logs" / "host.log").write_text(
            "perch pull-image: FAILED reason=disk_full\n"
        )
        return host.run("report-failure", self.UNIT)

    def test_abandons_the_launch_with_a_metric_and_the_log_tail_in_s3(self, host: Host) -> None:
        done = self.fail(host)
        assert done.returncode == 0, done.stderr
        assert told(host) == ["ABANDON"]
        (call,) = host.calls("MetricName=BootFailures")
        assert "Dimensions=[{Name=Environment,Value=dev},{Name=Colour,Value=blue}]" in call.line
        assert "{Name=Reason,Value=disk_full}" in call.line
        (log,) = host.bucket.rglob("*-disk_full.log")
        assert log.parent.name == INSTANCE
        assert "FAILED reason=disk_full" in log.read_text()

    def test_says_the_reason_in_one_line(self, host: Host) -> None:
        lines = [line for line in self.fail(host).stderr.splitlines() if "FAILED" in line]
        assert lines == ["perch report-failure: FAILED unit=perch-image.service reason=disk_full"]

    def test_of_a_unit_that_gave_no_reason_says_so(self, host: Host) -> None:
        assert "reason=unit_failed" in host.run("report-failure", "perch-asr.service").stderr

    def test_of_a_unit_that_only_waited_for_the_failed_one_is_none(self, host: Host) -> None:
        host.answer("systemctl is-failed", status=1)
        assert self.fail(host).returncode == 0
        assert told(host) == []
        assert not host.calls("MetricName=BootFailures")

    def test_of_a_machine_in_service_asks_the_group_to_replace_it(self, host: Host) -> None:
        host.run("lifecycle", "launched")
        assert self.fail(host).returncode == 0
        assert told(host) == ["CONTINUE", "set-instance-health"]
        assert host.calls("MetricName=BootFailures")
        (call,) = host.calls("set-instance-health")
        assert f"--instance-id {INSTANCE} --health-status Unhealthy" in call.line
        # In its grace period after a launch a group drops what respects it (SetInstanceHealth).
        assert "--no-should-respect-grace-period" in call.line

    def test_reports_what_follows_from_the_first_failure_no_more(self, host: Host) -> None:
        self.fail(host)
        self.fail(host, "not_ready")
        assert told(host) == ["ABANDON"]
        assert len(host.calls("MetricName=BootFailures")) == 1

    def test_abandons_a_launch_whose_hook_does_not_wait_yet(self, host: Host) -> None:
        host.answer("complete-lifecycle-action", err=NO_ACTION, status=254, times=2)
        host.run("lifecycle", "abandoned", PERCH_PATIENCE_SECONDS="3600")
        assert told(host) == ["ABANDON"] * 3

    def test_abandons_even_where_metric_and_log_are_refused(self, host: Host) -> None:
        host.answer("cloudwatch", err="throttled", status=254)
        host.answer("s3 cp", err="AccessDenied", status=1)
        assert self.fail(host).returncode == 0
        assert told(host) == ["ABANDON"]


class TestDraining:
    def test_stops_the_gateway_before_it_lets_the_machine_go(self, host: Host) -> None:
        done = host.run("drain", "a test")
        assert done.returncode == 0, done.stderr
        order = [
            call.program
            for call in host.calls()
            if call.program == "systemctl" or "autoscaling" in call.line
        ]
        assert order == ["systemctl", "aws"]
        assert host.calls("systemctl stop perch-gateway.service")
        (call,) = host.calls("complete-lifecycle-action")
        assert TERMINATION_HOOK in call.arguments
        assert told(host) == ["CONTINUE"]

    def test_lets_the_machine_go_even_if_the_gateway_had_to_be_killed(self, host: Host) -> None:
        host.answer("systemctl", status=1)
        assert host.run("drain", "a test").returncode == 0
        assert told(host) == ["CONTINUE"]

    def test_asks_until_the_group_waits_for_it(self, host: Host) -> None:
        """The metadata say Terminated before the load balancer has let go and the hook begins."""
        host.answer("complete-lifecycle-action", err=NO_ACTION, status=254, times=3)
        host.answer(
            "complete-lifecycle-action", err="Rate exceeded (Throttling)", status=254, times=1
        )
        done = host.run("drain", "a test", PERCH_LEAVE_SECONDS="3600")
        assert done.returncode == 0, done.stderr
        assert told(host) == ["CONTINUE"] * 5
        assert "lets this machine go" in done.stderr

    def test_asks_no_longer_than_a_group_waits(self, host: Host) -> None:
        host.answer("complete-lifecycle-action", err=NO_ACTION, status=254)
        done = host.run("drain", "a test", PERCH_LEAVE_SECONDS="0")
        assert done.returncode == 0
        assert told(host) == ["CONTINUE"]
        assert "times out by itself" in done.stderr

    def test_counts_the_drain_before_it_asks_to_go(self, host: Host) -> None:
        """Who asks first may be gone before he has told."""
        host.run("drain", "a test")
        order = [call.line for call in host.calls() if call.program == "aws"]
        assert ["DrainSeconds" in line for line in order] == [True, False]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (
                "spot/instance-action",
                json.dumps({"action": "terminate", "time": "2026-11-22T12:00:00Z"}),
            ),
            ("autoscaling/target-lifecycle-state", "Terminated"),
        ],
    )
    def test_begins_on_a_notice(self, host: Host, path: str, value: str) -> None:
        host.metadata.values[path] = value
        self.watch_until(host, "complete-lifecycle-action")
        assert host.calls("systemctl stop perch-gateway.service")

    def test_tells_the_gateway_to_hurry_when_the_machine_ends_before_its_deadline(
        self, host: Host
    ) -> None:
        host.answer("systemctl stop", seconds=20, times=1)
        assert host.run("drain", "a test", "6").returncode == 0
        assert host.calls("systemctl kill", "--signal=TERM", "perch-gateway.service")

    def test_hurries_nobody_who_is_done_in_time(self, host: Host) -> None:
        assert host.run("drain", "a test", "120").returncode == 0
        assert not host.calls("systemctl kill")

    def test_does_not_begin_while_the_machine_is_wanted(self, host: Host) -> None:
        host.metadata.values["autoscaling/target-lifecycle-state"] = "InService"
        watch = self.start_watch(host)
        with pytest.raises(subprocess.TimeoutExpired):
            watch.wait(0.5)
        stop(watch)
        assert host.calls() == []

    @staticmethod
    def start_watch(host: Host) -> subprocess.Popen[str]:
        return start([host.library / "drain-watch"], host.environment)

    def watch_until(self, host: Host, words: str) -> None:
        """Run the watch until it says that it has drained; the pipe's end ends the wait too."""
        watch = self.start_watch(host)
        assert watch.stderr is not None
        for line in watch.stderr:
            if "lets this machine go" in line:
                break
        stop(watch)
        assert host.calls(words)


def test_a_test_that_is_killed_leaves_no_loop_running(host: Host) -> None:
    """The kernel ends the script with whoever started it, also where nothing is cleaned up."""
    program = (
        "import subprocess, sys, time; from tests.infra.boot.standins.starting import start\n"
        "import os; process = start(sys.argv[1:], os.environ); print(process.pid, flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(host.library / "drain-watch")]
    environment = host.environment | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        tied(command), env=environment, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        loop = Path("/proc", killed.stdout.readline().strip())
        while not loop.joinpath("cmdline").read_bytes().startswith(b"bash"):
            time.sleep(0.02)
        killed.kill()
    with suppress(OSError):
        # Dead at last, or a zombie where nobody collects the dead; the deadline is the test's own.
        while loop.joinpath("stat").read_text().rpartition(") ")[2][0] != "Z":
            time.sleep(0.02)


def parameters(arguments: tuple[str, ...]) -> tuple[str, str, list[str]]:
    """Service, operation and option names of an aws command line; global options are skipped."""
    words = list(arguments)
    start = next(
        place
        for place, word in enumerate(words)
        if word in {"autoscaling", "cloudwatch", "secretsmanager", "ecr"}
    )
    options = [word.removeprefix("--") for word in words[start + 2 :] if word.startswith("--")]
    return words[start], words[start + 1], options


def test_every_aws_call_is_one_that_the_service_has(host: Host) -> None:
    """Checked against botocore's own models: operation, option names, required members."""
    host.metadata.ready = True
    host.answer("get-secret-value", out="value\n")
    host.run("fetch-secrets")
    host.run("lifecycle", "heartbeat")
    host.run("lifecycle", "launched")
    host.run("report-failure", "perch-asr.service")
    session = botocore.session.get_session()
    seen = set()
    for call in host.calls():
        if call.program != "aws" or " s3 " in call.line:
            continue
        service, operation, options = parameters(call.arguments)
        model = session.get_service_model(service)
        name = "".join(part.capitalize() for part in operation.split("-"))
        shape: Any = model.operation_model(name).input_shape
        members = {botocore.xform_name(member, "-"): member for member in shape.members}
        # The CLI writes a flag that is off with `no` before its name.
        off = {
            f"no-{option}"
            for option, member in members.items()
            if shape.members[member].type_name == "boolean"
        }
        given = [option for option in options if option not in {"query", "output"} | off]
        assert set(given) <= set(members), call.line
        assert set(shape.required_members) <= {members[option] for option in given}, call.line
        seen.add(operation)
    assert seen >= {
        "get-secret-value",
        "put-metric-data",
        "complete-lifecycle-action",
        "record-lifecycle-action-heartbeat",
        "set-instance-health",
    }
