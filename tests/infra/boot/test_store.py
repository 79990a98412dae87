"""Where models and Docker's data lie: a snapshot's volume, the machine's own NVMe disk, or neither.

Real scripts against stand-ins of what looks at disks and mounts them: no test touches a disk of
the machine it runs on. A real systemd with real mounts is in test_machine.py. Not proved: what the
disks of an EC2 machine are called (docs/unverified.md).
"""

import subprocess

from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins.host import Host
from tests.support.boot_settings import boot_settings

SNAPSHOT = "snap-0123456789abcdef0"
DISKS = (
    "/dev/nvme0n1 Amazon Elastic Block Store\n/dev/nvme1n1 Amazon EC2 NVMe Instance Storage   \n"
)


def mounts(host: Host) -> list[tuple[str, str]]:
    """What was mounted where, in order."""
    found = [call for call in host.calls() if call.program == "mount"]
    return [(call.arguments[-2], call.arguments[-1]) for call in found]


def bound(host: Host) -> list[tuple[str, str]]:
    """Docker's folders on the store."""
    roots = ("docker", "containerd")
    return [(str(host.store / name), str(host.folder / "var" / name)) for name in roots]


def docker_runs(host: Host, *, image: bool = False) -> None:
    """As at the first boot, when cloud-init comes last."""
    host.answer("docker image inspect", status=0 if image else 1)


def at_reboot(host: Host) -> None:
    """Docker waits for the store."""
    host.answer("systemctl is-active", status=3)


def run(host: Host) -> subprocess.CompletedProcess[str]:
    host.answer("mountpoint", str(host.store), status=1)
    done = host.run("mount-store")
    assert done.returncode == 0, done.stderr
    return done


def nothing_was_moved(host: Host) -> bool:
    touched = {"mount", "mkfs.ext4", "resize2fs"}
    stops = host.calls("systemctl stop")
    return not stops and not touched & {call.program for call in host.calls()}


def stays_on_the_root_volume(host: Host) -> str:
    """Run it where nothing is to be had: it says so last, and does nothing after that.

    Returns:
        What it said before.
    """
    *before, last = run(host).stderr.splitlines()
    assert last == "perch mount-store: models and Docker's data stay on the root volume"
    assert not host.calls("chown")
    assert not host.calls("systemctl")
    return "\n".join(before)


def nvme(host: Host, *, holds: str = "", mounted: bool = False) -> None:
    """A machine with a disk of its own."""
    host.answer("lsblk", out=DISKS)
    host.answer("wipefs", out=holds)
    host.answer("mountpoint", str(host.folder / "nvme"), status=0 if mounted else 1)


def test_a_machine_with_neither_keeps_everything_on_its_root_volume(host: Host) -> None:
    host.answer("lsblk", out=DISKS.splitlines()[0])
    host.answer("blkid", status=2)
    assert stays_on_the_root_volume(host) == ""
    assert nothing_was_moved(host)


def test_a_blank_disk_of_its_own_is_formatted_and_takes_models_and_docker(host: Host) -> None:
    docker_runs(host)
    nvme(host)
    run(host)
    (made,) = host.calls("mkfs.ext4")
    assert made.arguments[-3:] == ("-L", "perch-store", "/dev/nvme1n1")
    assert mounts(host) == [("/dev/nvme1n1", str(host.store)), *bound(host)]
    lines = [call.line for call in host.calls("systemctl")]
    stopped = "systemctl stop docker.socket docker.service containerd.service"
    started = "systemctl start --no-block containerd.service docker.service"
    assert [line for line in lines if "is-active" not in line] == [stopped, started]
    assert host.calls("chown 1000:1000", str(host.store / "models"))


def test_what_the_deep_learning_ami_has_mounted_already_is_used_as_it_is(host: Host) -> None:
    docker_runs(host)
    nvme(host, holds="0x218 LVM2_member", mounted=True)
    run(host)
    nvme_folder = host.folder / "nvme" / "perch"
    assert mounts(host) == [(str(nvme_folder), str(host.store)), *bound(host)]
    assert not host.calls("mkfs.ext4")


def test_a_disk_that_holds_something_is_never_written_over(host: Host) -> None:
    nvme(host, holds="0x438 ext4 somebody's")
    assert "holds something else" in stays_on_the_root_volume(host)
    assert nothing_was_moved(host)


def test_a_disk_is_left_alone_where_the_stack_says_so(make_host: MakeHost) -> None:
    host = make_host(boot_settings(instance_store=False))
    nvme(host)
    stays_on_the_root_volume(host)
    assert nothing_was_moved(host)


def test_after_a_reboot_the_same_disk_is_mounted_again_before_docker_starts(host: Host) -> None:
    at_reboot(host)
    nvme(host)
    host.answer("blkid --label perch-store", out="/dev/nvme1n1\n")
    for name in ("docker", "containerd"):
        (host.store / name).mkdir()
    run(host)
    assert mounts(host) == [("/dev/nvme1n1", str(host.store)), *bound(host)]
    assert not host.calls("mkfs.ext4")
    assert not host.calls("systemctl start")


def test_after_a_stop_the_blank_disk_takes_the_models_and_docker_finds_its_images_where_they_are(
    host: Host,
) -> None:
    at_reboot(host)
    nvme(host)
    run(host)
    assert mounts(host) == [("/dev/nvme1n1", str(host.store))]


def test_it_is_done_once_a_boot(host: Host) -> None:
    assert host.run("mount-store").returncode == 0
    assert nothing_was_moved(host)


def test_an_image_that_the_ami_brings_stays_in_use(host: Host) -> None:
    docker_runs(host, image=True)
    nvme(host)
    run(host)
    assert mounts(host) == [("/dev/nvme1n1", str(host.store))]
    assert not host.calls("systemctl stop")


def test_the_volume_of_a_snapshot_comes_before_the_disk_and_is_grown(make_host: MakeHost) -> None:
    host = make_host(boot_settings(snapshot_id=SNAPSHOT))
    # The AMI's Docker has the image too; what was asked for is the snapshot's.
    docker_runs(host, image=True)
    nvme(host)
    host.answer("blkid --label perch-store", out="/dev/nvme2n1\n")
    for name in ("docker", "containerd"):
        (host.store / name).mkdir()
    run(host)
    assert mounts(host) == [("/dev/nvme2n1", str(host.store)), *bound(host)]
    assert host.calls("resize2fs /dev/nvme2n1")
    assert not host.calls("mkfs.ext4")


def test_without_the_volume_it_should_have_a_machine_says_so_and_uses_its_disk(
    make_host: MakeHost,
) -> None:
    host = make_host(boot_settings(snapshot_id=SNAPSHOT))
    docker_runs(host)
    nvme(host)
    assert f"the volume of {SNAPSHOT}" in run(host).stderr
    assert mounts(host)[0] == ("/dev/nvme1n1", str(host.store))


def test_a_disk_that_cannot_be_mounted_costs_speed_alone(host: Host) -> None:
    nvme(host)
    host.answer("mount", "/dev/nvme1n1", "noatime", status=32, err="mount: wrong fs type\n")
    assert "wrong fs type" in stays_on_the_root_volume(host)


def test_half_of_docker_is_not_moved(host: Host) -> None:
    docker_runs(host)
    nvme(host)
    host.answer("mount --bind", "/var/containerd", status=32)
    assert "Docker's data lie on the root volume" in run(host).stderr
    (undone,) = host.calls("umount")
    assert undone.arguments == (str(host.folder / "var/docker"),)
    assert host.calls("systemctl start --no-block", "docker.service")


def test_models_that_a_snapshot_brings_are_not_fetched(host: Host) -> None:
    """The mark lies beside the models, so it is on the volume or the disk like them."""
    model = host.store / "models" / "engine.plan"
    model.write_bytes(b"engine")
    assert host.run("save-cache").returncode == 0
    assert (host.store / "models-whole").exists()
    before = len(host.calls("s3 cp"))
    assert host.run("restore-cache").returncode == 0
    assert len(host.calls("s3 cp")) == before
    assert model.exists()
