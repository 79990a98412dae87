"""For each runbook the state that it describes, what its diagnosis must show, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from app.credentials.api_key import ApiKey
from ops.secrets.values import SecretValues
from ops.token.changes import find, with_key
from ops.token.store import AccessListStore
from tests.support.keys import key_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.runbooks.stage import Stage

IMAGE: Final = "nim/parakeet-1-1b-rnnt-multilingual:1.5.0"
SELECTOR: Final = "mode=str,vad=silero,type=default"


def _nothing(_: Stage) -> None:
    """Leave the stack as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One page's evening.

    Attributes:
        fault: Brings the stack into the state that the page describes.
        shows: Texts that the first look and the diagnosis must have in them.
        by_hand: Does what a block that cannot run here would have done.
        mended: Looks whether the mitigation did what the page says, before the verification.
        variables: Variables that the person has set before.
    """

    fault: Callable[[Stage], object] = _nothing
    shows: tuple[str, ...] = ()
    by_hand: Callable[[Stage], object] = _nothing
    mended: Callable[[Stage], object] = _nothing
    variables: Mapping[str, str] = field(default_factory=dict)


def _unhealthy(stage: Stage) -> None:
    stage.alarm("blue-targets-unhealthy")
    stage.machines["blue"].say("states/perch-asr", "activating start")
    stage.hang("emulator-blue")
    stage.until("blue", ready=False)


def _errors(stage: Stage) -> None:
    """Blue answers 503 as its recogniser hangs, and green could take its sessions."""
    stage.alarm("blue-target-errors")
    stage.hang("emulator-blue")
    stage.until("blue", ready=False)


def _unreachable(stage: Stage) -> None:
    stage.alarm("blue-targets-unreachable")
    stage.machines["blue"].say("states/perch-gateway", "activating start")
    stage.hang("gateway-blue")


def _boot_fails(stage: Stage) -> None:
    stage.alarm("green-boot-failures")
    stage.bounds("green")
    key = f"boot-failures/{stage.machine_id('green')}/20261127t030000-driver_too_old.log"
    stage.put(key, "unit=perch-gpu-check.service reason=driver_too_old\n")
    stage.log("system", "FAILED unit=perch-gpu-check.service reason=driver_too_old", colour="green")


def _agent_is_gone(stage: Stage) -> None:
    stage.alarm("blue-log-agent-failures")
    stage.machines["blue"].say("states/perch-log-agent", "failed (Result: exit-code)")
    stage.log("gateway", '{"event": "a line from before"}')


def _models_are_not_kept(stage: Stage) -> None:
    stage.alarm("blue-model-cache-failures")
    stage.log("system", "the models were not saved; the next machine builds them again")
    _saves(stage, "blue")


def _saves(stage: Stage, colour: str) -> None:
    """Let the unit that keeps models do so, as `save-cache` does when nothing is in its way."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    machine = stage.machines[colour]
    machine.say("READY", f"archive=a.tar\nimage={IMAGE}\nselector={SELECTOR}\nsaved_at={at}")
    ready = str(machine.folder / "READY")
    aws = " ".join(f"{key}={value}" for key, value in stage.up.state.aws.items())
    code = (
        "import boto3; put = boto3.client('s3').put_object; "
        f"bucket = {stage.up.outputs.model_cache_bucket!r}; "
        "folder = 'models/NVIDIA-L4/whole/'; "
        "put(Bucket=bucket, Key=folder + 'a.tar', Body=b'models'); "
        f"put(Bucket=bucket, Key=folder + 'READY', Body=open({ready!r}).read())"
    )
    machine.unit("perch-cache-save", f'exec env {aws} {stage.python} -c "{code}"')


def _cache_is_broken(stage: Stage) -> None:
    stage.put("models/NVIDIA-L4/half/a.tar", "half of the models")
    _saves(stage, "green")


def _saved(stage: Stage) -> None:
    assert stage.objects("models/") == [
        "models/NVIDIA-L4/whole/READY",
        "models/NVIDIA-L4/whole/a.tar",
    ]


def _full(stage: Stage) -> None:
    stage.alarm("blue-nearly-full")
    stage.bounds("blue")
    _metric(stage, ActiveSessions=62, SessionSlots=64)


def _metric(stage: Stage, **values: float) -> None:
    group = {"Name": "AutoScalingGroupName", "Value": "perch-local-blue"}
    stage.api("cloudwatch").put_metric_data(
        Namespace="Perch",
        MetricData=[
            {"MetricName": name, "Value": value, "Dimensions": [group]}
            for name, value in values.items()
        ],
    )


def _asked_for(colour: str, machines: int) -> Callable[[Stage], None]:
    def look(stage: Stage) -> None:
        assert stage.desired(colour) == machines

    return look


def _gpu_memory(stage: Stage) -> None:
    stage.alarm("blue-gpu-memory")
    blue = stage.machines["blue"]
    blue.say("gpu", "0, NVIDIA L4, 580.105.08, 71, 88, 22800, 23034, 70.50, 0")
    blue.unit(
        "perch-asr",
        f"echo '0, NVIDIA L4, 580.105.08, 41, 0, 9216, 23034, 31.02, 0' >{blue.folder}/gpu",
    )


def _disk(stage: Stage) -> None:
    stage.alarm("blue-disk-space")
    stage.machines["blue"].say("disk", "/dev/root 193G 188G 5.1G 98% /")


def _asked(colour: str, line: str) -> Callable[[Stage], None]:
    def look(stage: Stage) -> None:
        assert line in stage.machines[colour].asked()

    return look


def _no_machine(stage: Stage) -> None:
    stage.alarm("blue-too-few-machines")
    stage.log("system", "FAILED unit=perch-image.service reason=image_unauthorised")
    stage.bounds("blue", desired=0)


def _entrance(stage: Stage) -> None:
    """Sessions go to green, whose gateway has gone, and blue could take them."""
    stage.alarm("entrance-errors")
    stage.weigh(blue=0)
    stage.hang("gateway-green")


def _slow(stage: Stage) -> None:
    stage.bounds("blue")
    stage.log("system", "ready after 1900 s")


def _dear(stage: Stage) -> None:
    stage.bounds("blue", desired=3)
    stage.bounds("green", desired=1)


def _cheap(stage: Stage) -> None:
    assert (stage.desired("blue"), stage.desired("green")) == (1, 0)


def _may_grow(stage: Stage) -> None:
    """Let blue have more machines, and green the sessions that `perch rollback` takes back."""
    stage.bounds("blue")
    stage.weigh(blue=0)


def _serves(colour: str) -> Callable[[Stage], None]:
    def look(stage: Stage) -> None:
        name = stage.up.outputs.in_service_parameter_name
        assert stage.api("ssm").get_parameter(Name=name)["Parameter"]["Value"] == colour

    return look


def _old_driver(stage: Stage) -> None:
    said = "Failed to initialize NVML: Driver/library version mismatch"
    stage.machines["blue"].program("nvidia-smi", f"echo '{said}'; exit 18")


def _no_gpu(stage: Stage) -> None:
    blue = stage.machines["blue"]
    blue.program("nvidia-smi", "echo 'No devices were found'; exit 6")
    blue.say("xid", "NVRM: Xid (PCI:0000:31:00): 79, GPU has fallen off the bus.")


def _riva_down(stage: Stage) -> None:
    for colour in ("blue", "green"):
        stage.hang(f"emulator-{colour}")
    stage.machines["blue"].say("log/asr.log", "Triton: model instance is stuck")
    for colour in ("blue", "green"):
        stage.until(colour, ready=False)


def _certificate(stage: Stage) -> None:
    stage.alarm("certificate-expires")
    stage.serve_certificate(days=5)


LEAKED: Final = "0123456789"
"""Id of the key that the page's evening begins with."""


def _list_of(stage: Stage) -> AccessListStore:
    arn = stage.up.outputs.secret_arns.access_list
    assert arn is not None
    return AccessListStore("local", arn, stage.api("secretsmanager"))


def _key_leaks(stage: Stage) -> None:
    entry = key_entry(ApiKey(LEAKED, ""), owner="whoever lost it")
    _list_of(stage).change(lambda listed: with_key(listed, entry))
    outputs = stage.up.outputs
    SecretValues("local", outputs, stage.api("secretsmanager"), stage.api("ssm")).announce()


def _is_revoked(stage: Stage) -> None:
    """The key and both tokens are turned away, and the owner has a key that is good."""
    listed = _list_of(stage).read().document
    assert find(listed, LEAKED).revoked is not None
    assert [one.jti for one in listed.revoked_tokens] == ["a-token-that-leaked"]
    assert [one.client for one in listed.revoked_clients] == ["a-client-that-leaked"]
    owned = [key for key in listed.keys if key.owner == "whoever lost it"]
    assert [key.revoked for key in owned if key.id != LEAKED] == [None]


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "targets-unhealthy": Scenario(
        fault=_unhealthy,
        shows=("gateway-blue unhealthy", "perch-asr.service loaded activating"),
        mended=_asked("blue", "restart perch-asr"),
    ),
    "target-errors": Scenario(
        fault=_errors, shows=("gateway-blue unhealthy", "FAILED", "HTTP 503")
    ),
    "targets-unreachable": Scenario(
        fault=_unreachable,
        shows=("gateway-blue unhealthy", "perch-gateway.service loaded activating"),
        mended=_asked("blue", "restart perch-gateway"),
    ),
    "boot-failures": Scenario(
        fault=_boot_fails,
        shows=("driver_too_old", "perch-local-green-boot-failures"),
        mended=_asked_for("green", 0),
        variables={"COLOUR": "green"},
    ),
    "log-agent-failures": Scenario(
        fault=_agent_is_gone,
        shows=("perch-local-blue-log-agent-failures", "perch-log-agent.service: failed"),
        mended=_asked("blue", "restart perch-log-agent"),
    ),
    "model-cache-failures": Scenario(
        fault=_models_are_not_kept,
        shows=("the models were not saved", "no models are kept"),
        mended=_saved,
    ),
    "machines-missing": Scenario(
        fault=lambda stage: stage.alarm("blue-machines-missing"),
        shows=("perch-local-blue-machines-missing",),
    ),
    "nearly-full": Scenario(
        fault=_full,
        shows=("62 active", "perch-local-blue-nearly-full"),
        mended=_asked_for("blue", 2),
    ),
    "gpu-memory": Scenario(fault=_gpu_memory, shows=("22800", "perch-local-blue-gpu-memory")),
    "disk-space": Scenario(
        fault=_disk,
        shows=("98%", "perch-local-blue-disk-space"),
        mended=_asked("blue", "docker image prune --all --force"),
    ),
    "too-few-machines": Scenario(
        fault=_no_machine,
        shows=("0 of 0 asked for", "image_unauthorised"),
        mended=_asked_for("blue", 1),
    ),
    "entrance-errors": Scenario(
        fault=_entrance,
        shows=("green, weight 100", "gateway-green unhealthy", "FAILED"),
        variables={"COLOUR": "green"},
    ),
    "connections-rejected": Scenario(
        fault=lambda stage: stage.alarm("connections-rejected"),
        shows=("perch-local-connections-rejected",),
    ),
    "certificate-expires": Scenario(
        fault=_certificate,
        shows=("30 are wanted", "perch-local-certificate-expires"),
        by_hand=lambda stage: stage.serve_certificate(days=90),
    ),
    "secret-age": Scenario(
        fault=lambda stage: stage.alarm("secret-age"),
        shows=("perch-local-secret-age", "gateways: from"),
    ),
    "cache-rebuild": Scenario(fault=_cache_is_broken, shows=("not whole",), mended=_saved),
    "certificate-and-key-rotation": Scenario(),
    "gateway-certificate": Scenario(
        fault=lambda stage: stage.alarm("gateway-certificate"),
        shows=("perch-local-gateway-certificate", "gateways: days_left"),
    ),
    "cold-start-too-slow": Scenario(
        fault=_slow, shows=("ready after 1900 s",), mended=_asked_for("blue", 2)
    ),
    "cost-runaway": Scenario(fault=_dear, shows=("3 of 3 asked for",), mended=_cheap),
    "destroy": Scenario(shows=("loadbalancer/app/perch-local",)),
    "driver-mismatch": Scenario(fault=_old_driver, shows=("version mismatch",)),
    "first-deploy": Scenario(),
    "gpu-lost": Scenario(
        fault=_no_gpu,
        shows=("No devices were found", "Xid"),
        # moto counts a refresh's steps and replaces no machine.
        mended=lambda stage: stage.renew("blue"),
    ),
    "key-leaked": Scenario(
        fault=_key_leaks,
        shows=(f"{LEAKED}  good", "whoever lost it"),
        mended=_is_revoked,
        variables={
            "KEY": LEAKED,
            "OWNER": "whoever lost it",
            "JTI": "a-token-that-leaked",
            "CLIENT": "a-client-that-leaked",
        },
    ),
    "kill-switch": Scenario(),
    "release": Scenario(fault=lambda stage: stage.bounds("green"), mended=_serves("green")),
    "riva-down": Scenario(
        fault=_riva_down,
        shows=("gateway-blue unhealthy", "gateway-green unhealthy", "model instance is stuck"),
        mended=_asked("blue", "restart perch-asr"),
    ),
    "rollback": Scenario(fault=lambda stage: stage.weigh(blue=0), shows=("green, weight 100",)),
    "zone-or-region-loss": Scenario(
        fault=lambda stage: stage.bounds("blue"),
        shows=("us-east-2b",),
        mended=_asked_for("blue", 2),
    ),
    # Their alarms are of metrics that a stack on this machine does not send.
    "final-late": Scenario(fault=_may_grow),
    "first-interim-late": Scenario(fault=_may_grow),
    "metrics-missing": Scenario(fault=_agent_is_gone),
    "sessions-failing": Scenario(fault=_may_grow),
    "sessions-turned-away": Scenario(fault=_may_grow),
    "README": Scenario(),
}
