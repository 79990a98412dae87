"""Every unit is in the sandbox, and what it is let do beyond that is written down.

That a unit still works in its sandbox is what test_machine.py shows, under a real systemd. Not
proved: what NVIDIA's, Docker's and the CloudWatch agent's own programs ask of the kernel
(docs/unverified.md).
"""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from infra.boot import MachineSettings
from infra.boot.files import HERE, UNITS, host_files
from infra.boot.sandbox import directives, sandboxed
from tests.infra.boot.standins.host_checks import machine_root
from tests.support.boot_settings import boot_settings, classic_riva, image_gateway
from tests.support.tools import need

PAGE: Final = Path(__file__).parents[3] / "docs" / "hardening.md"
ROW: Final = re.compile(
    r"^\| `(perch-[^`]+\.service)`(?:, ([^|]+?))? \| (\d+\.\d) \| ", re.MULTILINE
)
OVERALL: Final = re.compile(r"Overall exposure level for (\S+): (\d+\.\d)")
OFFLINE_SINCE: Final = 250
"""systemd's first version that judges unit files without a running system."""
MEASURED_WITH: Final = 252
SLACK: Final = 0.5
"""What another version of systemd may weigh otherwise."""

VARIANTS: Final = {
    "bundle": boot_settings(),
    "image": image_gateway(),
    "riva": classic_riva(),
}
SANDBOX: Final = tuple(directives((HERE / "host" / "perch.sandbox").read_text()))


def services(of: MachineSettings) -> dict[str, str]:
    """Name -> text of each service of ours on a machine."""
    return {
        file.path.removeprefix(f"{UNITS}/"): file.content
        for file in host_files(of)
        if re.fullmatch(rf"{UNITS}/perch[^/]*\.service", file.path)
    }


def recorded(variant: str) -> dict[str, float]:
    """Unit -> the score that the page has for it; of the gateway's, that of its kind."""
    kind = "image" if variant == "image" else "bundle"
    return {
        unit: float(score)
        for unit, of, score in ROW.findall(PAGE.read_text(encoding="utf-8"))
        if of in {"", kind}
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_service_says_each_directive_of_the_sandbox_once(variant: str) -> None:
    names = [one.partition("=")[0] for one in SANDBOX]
    assert len(set(names)) == len(names) > 20
    found = services(VARIANTS[variant])
    assert len(found) >= 18
    for unit, text in found.items():
        said = Counter(line.partition("=")[0] for line in text.splitlines())
        assert {name: said[name] for name in names} == dict.fromkeys(names, 1), unit


def test_a_unit_keeps_what_it_says_itself_and_a_target_is_no_service() -> None:
    unit = "[Unit]\nDescription=x\n\n[Service]\nExecStart=/bin/x\nPrivateTmp=no\n"
    assert sandboxed(unit, ["PrivateTmp=yes", "UMask=0077"]) == (
        "[Unit]\nDescription=x\n\n[Service]\nUMask=0077\nExecStart=/bin/x\nPrivateTmp=no\n"
    )
    assert sandboxed("[Unit]\nDescription=x\n", SANDBOX) == "[Unit]\nDescription=x\n"


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_unit_but_two_may_become_more_than_it_is(variant: str) -> None:
    """Power over the kernel is for who mounts the disk, and who loads the GPU's driver."""
    mighty = re.compile(r"CAP_(SYS_\w+|MKNOD|NET_ADMIN|SETUID|SETGID|SETPCAP|BPF|PERFMON)")
    given = {
        unit: set(mighty.findall(line))
        for unit, text in services(VARIANTS[variant]).items()
        for line in text.splitlines()
        if line.startswith(("CapabilityBoundingSet=", "AmbientCapabilities="))
    }
    assert {unit for unit, capabilities in given.items() if capabilities} == {
        "perch-store.service",
        "perch-gpu-check.service",
    }


SECRET_FOLDERS: Final = ("secrets", "files", "asr")
READERS: Final = {
    *("perch-secrets", "perch-secrets-watch", "perch-image", "perch-asr", "perch-gateway"),
    *("perch-lifecycle", "perch-boot-failed@"),
    # It has no view of the file system of its own, in which anything could be hidden.
    "perch-store",
}
"""Units that find secrets in memory: who puts them there, and who is given them."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_are_out_of_sight_of_every_unit_that_needs_none(variant: str) -> None:
    hidden = "InaccessiblePaths=" + " ".join(f"-/run/perch/{name}" for name in SECRET_FOLDERS)
    found = services(VARIANTS[variant])
    readers = {unit for unit, text in found.items() if hidden not in text.splitlines()}
    wanted = READERS | ({"perch-gateway-install"} if variant == "image" else set())
    assert readers == {f"{name}.service" for name in wanted}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_page_has_a_score_of_every_unit_and_of_no_other(variant: str) -> None:
    assert recorded(variant).keys() == services(VARIANTS[variant]).keys()


def version_of(systemd_analyze: str) -> int:
    done = subprocess.run(
        [systemd_analyze, "--version"], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[1])


def analyzer() -> str:
    """Path of a systemd-analyze that judges unit files; the test is skipped where there is none."""
    systemd_analyze = need("systemd-analyze", "systemd")
    if version_of(systemd_analyze) < OFFLINE_SINCE:
        pytest.skip(f"systemd-analyze is older than {OFFLINE_SINCE}: it judges no files")
    return systemd_analyze


def scores(of: MachineSettings, root: Path) -> dict[str, float]:
    """Unit -> its score: 0 is the safest, 10 lets everything be."""
    systemd_analyze = analyzer()
    machine_root({file.path: file.content for file in host_files(of)}, root)
    return scored(systemd_analyze, root, *services(of))


def scored(systemd_analyze: str, root: Path, *units: str) -> dict[str, float]:
    """What systemd says of units below a root directory."""
    shown = {unit.replace("@.", "@x."): unit for unit in units}
    command = [systemd_analyze, "security", "--offline=true", f"--root={root}", "--no-pager"]
    done = subprocess.run([*command, *shown], capture_output=True, text=True, check=False)
    found = {shown[name]: float(score) for name, score in OVERALL.findall(done.stdout)}
    assert found.keys() == set(units), done.stderr
    return found


@pytest.mark.tool
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_unit_is_more_exposed_than_the_page_says(variant: str, tmp_path: Path) -> None:
    found, page = scores(VARIANTS[variant], tmp_path), recorded(variant)
    same = version_of(need("systemd-analyze", "systemd")) == MEASURED_WITH
    worse = {
        unit: score for unit, score in found.items() if score > page[unit] + (0 if same else SLACK)
    }
    assert not worse
    if same:
        # A unit that is safer now is to be held to that.
        assert found == page


@pytest.mark.tool
def test_a_unit_out_of_the_sandbox_would_be_noticed(tmp_path: Path) -> None:
    of = boot_settings()
    without = [one for one in SANDBOX if not one.startswith("SystemCallFilter")]
    machine_root({file.path: file.content for file in host_files(of)}, tmp_path)
    path = tmp_path / UNITS.removeprefix("/") / "perch-secrets.service"
    lax = sandboxed((HERE / "units" / path.name).read_text(), without)
    path.write_text(lax)
    systemd_analyze = analyzer()
    lax_score = scored(systemd_analyze, tmp_path, path.name)[path.name]
    assert lax_score > recorded("bundle")[path.name] + SLACK
