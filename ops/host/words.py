"""What is run on a machine: each a line of a POSIX shell, and what its answer means."""

import csv
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

GPU_COLUMNS: Final = (
    "index",
    "name",
    "driver_version",
    "temperature.gpu",
    "utilization.gpu",
    "memory.used",
    "memory.total",
    "power.draw",
    "ecc.errors.uncorrected.volatile.total",
)
"""Of `nvidia-smi --help-query-gpu`; °C, %, MiB, W. What a GPU lacks reads `[N/A]`."""
GPU_QUERY: Final = f"nvidia-smi --query-gpu={','.join(GPU_COLUMNS)} --format=csv,noheader,nounits"
LOG_FILES: Final = {name: f"/var/log/perch/{name}.log" for name in ("gateway", "asr", "host")}
"""What units print: the gateway's, the recogniser's, and every other's."""
MAX_LINES: Final = 100_000


def of_arguments(arguments: Sequence[str]) -> str:
    """Return the shell's line for what a person typed after `--`.

    One argument is a line already, quotes and all; several are a program and its arguments, which
    it gets as they are.
    """
    return arguments[0] if len(arguments) == 1 else shlex.join(arguments)


def limited(command: str, seconds: float) -> str:
    """Return a line that the machine itself ends after so long, should we be gone by then."""
    return f"timeout --kill-after=5 {seconds:g} sh -c {shlex.quote(command)}"


def logs(source: str | None, lines: int, *, follow: bool) -> str:
    """Return the line that prints a machine's log.

    Args:
        source: Of `LOG_FILES`; None for the journal of every unit: what systemd says of them.
        lines: How many of the newest.
        follow: Whether to stay and print what is added.
    """
    if source is None:
        return (
            f"sudo -n journalctl --no-pager --output=short-iso --lines={lines} "
            f"{'--follow ' if follow else ''}--unit='perch*'"
        )
    return f"sudo -n tail --lines={lines} {'-F ' if follow else ''}{LOG_FILES[source]}"


def gpu_rows(text: str) -> list[dict[str, str]]:
    """Return what `GPU_QUERY` printed, a row a GPU.

    Raises:
        ValueError: It is not what was asked for.
    """
    found = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    for row in found:
        if len(row) != len(GPU_COLUMNS):
            raise ValueError(f"{len(row)} columns; asked for: {len(GPU_COLUMNS)}")
    return [dict(zip(GPU_COLUMNS, row, strict=True)) for row in found]


@dataclass(frozen=True, slots=True)
class Question:
    """One part of a diagnosis.

    Attributes:
        name: Of its file in the bundle.
        command: What answers it. What fails says so in its own words, and costs no other part.
    """

    name: str
    command: str


_CONTAINER: Final = (
    "{{.Name}} {{.State.Status}} exit={{.State.ExitCode}} oom={{.State.OOMKilled}} "
    "restarts={{.RestartCount}} started={{.State.StartedAt}} {{.Config.Image}} {{.State.Error}}"
)
_METRICS: Final = ". /etc/perch/boot.env; curl -sS -m 5 http://127.0.0.1"
DIAGNOSIS: Final = (
    Question("uptime", "uptime; uname -a; cloud-init status --long"),
    Question("driver", "cat /proc/driver/nvidia/version; lsmod | grep -i nvidia; dkms status"),
    Question("gpu", "nvidia-smi --query"),
    Question("kernel", "sudo -n journalctl --dmesg --no-pager --output=short-iso --lines=1000"),
    # Xid is how the driver reports a GPU's errors.
    Question("xid", "sudo -n journalctl --dmesg --no-pager | grep -i 'NVRM: Xid' | tail -n 100"),
    # No environment and no command line of a container: both may hold a secret.
    Question(
        "containers",
        "sudo -n docker ps --all --no-trunc --format 'table {{.Names}}\\t{{.Image}}\\t{{.Status}}'"
        f"; sudo -n docker ps --all --quiet | xargs -r sudo -n docker inspect --format "
        f"'{_CONTAINER}'; sudo -n docker stats --no-stream",
    ),
    Question(
        "units",
        "systemctl list-units --all --no-pager 'perch*'; "
        "systemctl status --no-pager --lines=20 'perch*'",
    ),
    Question("journal", logs(None, 2_000, follow=False)),
    Question("errors", "sudo -n journalctl --priority=err --boot --no-pager --lines=500"),
    Question("disk", "df -h; df -i; lsblk; sudo -n du -xsh /var/lib/perch /var/lib/docker"),
    Question("memory", "free -m; ps -eo pid,user,rss,etime,comm --sort=-rss | head -n 40"),
    Question("network", "ss -s; ss -tlnp; ip -brief address"),
    Question("settings", "cat /etc/perch/boot.env"),
    Question("readiness", f"{_METRICS}:$PERCH_GATEWAY_ADMIN_PORT/readyz"),
    Question("gateway-metrics", f"{_METRICS}:$PERCH_GATEWAY_ADMIN_PORT/metrics"),
    Question("host-metrics", f"{_METRICS}:$PERCH_EXPORTER_PORT/metrics"),
    *(Question(f"{name}-log", logs(name, 2_000, follow=False)) for name in LOG_FILES),
)
"""Driver, GPU, containers, units, disk and last errors of a machine, in the order of a look."""
