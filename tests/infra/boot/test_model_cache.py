"""The models that machines share over a bucket: saved once whole, restored, never half.

Real scripts against stand-ins of docker and aws, as in test_host_scripts.py.
"""

import re
from pathlib import Path

import pytest

from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins.host import INSTANCE, Host, one_clear_line
from tests.support.boot_settings import (
    NIM,
    classic_riva,
)
from tests.support.cases import few


class TestModelCache:
    """Save and restore go through a folder that plays the bucket, byte for byte."""

    @staticmethod
    def build_models(host: Host) -> None:
        models = host.store / "models"
        (models / "ngc" / "hub").mkdir(parents=True)
        (models / "ngc" / "hub" / "engine.plan").write_bytes(bytes(range(256)) * 4000)
        (models / "config with space.pbtxt").write_text("name: parakeet\n")

    @staticmethod
    def ready(host: Host) -> Path:
        (ready,) = host.bucket.rglob("READY")
        return ready

    def test_gives_the_next_machine_the_models_of_the_first(self, host: Host) -> None:
        self.build_models(host)
        done = host.run("save-cache")
        assert done.returncode == 0, done.stderr
        host.empty_disk()
        done = host.run("restore-cache")
        assert done.returncode == 0, done.stderr
        models = host.store / "models"
        assert (models / "ngc" / "hub" / "engine.plan").read_bytes() == bytes(range(256)) * 4000
        assert (models / "config with space.pbtxt").read_text() == "name: parakeet\n"
        assert host.calls("chown -R 1000:1000")

    def test_keeps_models_apart_by_gpu_image_and_selector(self, host: Host) -> None:
        self.build_models(host)
        host.run("save-cache")
        (host.run_folder / "gpu").write_text("nvidia-l4-sm89\n")
        host.empty_disk()
        done = host.run("restore-cache")
        assert done.returncode == 0
        assert "the recogniser starts without" in done.stderr
        assert not list((host.store / "models").iterdir())

    def test_starts_a_nim_without_models_and_counts_the_miss(self, host: Host) -> None:
        done = host.run("restore-cache")
        assert done.returncode == 0, done.stderr
        assert host.calls("put-metric-data", "MetricName=ModelCacheMisses")
        assert (host.store / "models").is_dir()

    def test_waits_for_the_rights_of_a_new_role_rather_than_for_models_built_anew(
        self, host: Host
    ) -> None:
        self.build_models(host)
        host.run("save-cache")
        host.empty_disk()
        denied = "fatal error: An error occurred (403) when calling the HeadObject operation"
        host.answer("READY", err=denied, status=1, times=3)
        done = host.run("restore-cache", PERCH_PATIENCE_SECONDS="3600")
        assert done.returncode == 0, done.stderr
        assert "restored 2 files" in done.stderr
        assert done.stderr.count("trying again") == 1

    def test_starts_without_models_when_its_patience_is_over(self, host: Host) -> None:
        host.answer("READY", err="403 Forbidden", status=1)
        done = host.run("restore-cache")
        assert done.returncode == 0
        assert "is unreadable" in done.stderr
        assert host.calls("MetricName=ModelCacheMisses")

    def test_does_not_start_a_classic_riva_without_its_prepared_models(
        self, make_host: MakeHost
    ) -> None:
        host = make_host(classic_riva())
        done = host.run("restore-cache")
        assert "reason=models_missing:" in one_clear_line(done.stderr)

    @pytest.mark.parametrize(
        "damage",
        few(
            ("truncated", "changed", "another file count", "no sum", "no archive"),
            ("truncated", "no archive"),
        ),
    )
    def test_uses_no_cache_that_is_not_whole(self, host: Host, damage: str) -> None:
        self.build_models(host)
        host.run("save-cache")
        ready = self.ready(host)
        (archive,) = host.bucket.rglob("*.tar")
        text = ready.read_text()
        if damage == "truncated":
            archive.write_bytes(archive.read_bytes()[:-20_000])
        elif damage == "changed":
            archive.write_bytes(archive.read_bytes().replace(b"parakeet", b"parakeez"))
        elif damage == "another file count":
            ready.write_text(text.replace("files=2", "files=3"))
        elif damage == "no sum":
            ready.write_text(re.sub(r"sha256=\w+", "sha256=", text))
        else:
            archive.unlink()
        host.empty_disk()
        done = host.run("restore-cache")
        assert done.returncode == 0, done.stderr
        assert "the recogniser starts without" in done.stderr
        assert not list((host.store / "models").iterdir())
        assert not (host.store / "restoring").exists()
        assert not (host.store / "models-whole").exists()

    def test_says_that_the_disk_is_too_small_for_the_models(self, host: Host) -> None:
        self.build_models(host)
        host.run("save-cache")
        ready = self.ready(host)
        ready.write_text(re.sub(r"bytes=\d+", f"bytes={10**18}", ready.read_text()))
        host.empty_disk()
        done = host.run("restore-cache")
        assert done.returncode == 1
        assert "reason=disk_full:" in one_clear_line(done.stderr)

    def test_announces_no_archive_whose_upload_failed(self, host: Host) -> None:
        self.build_models(host)
        host.answer("--expected-size", err="upload failed", status=1)
        done = host.run("save-cache")
        assert done.returncode == 1
        assert not list(host.bucket.rglob("READY")) if host.bucket.exists() else True
        assert host.calls("MetricName=ModelCacheSaveFailures")
        assert not list(host.store.glob("*.pipe*"))

    def test_uploads_what_was_restored_or_saved_by_another_only_once(self, host: Host) -> None:
        self.build_models(host)
        host.run("save-cache")
        assert host.run("save-cache").returncode == 0
        host.empty_disk()
        self.build_models(host)
        assert host.run("save-cache").returncode == 0
        assert len(host.calls("--expected-size")) == 1

    def test_restores_nothing_over_models_that_survived_a_reboot(self, host: Host) -> None:
        self.build_models(host)
        host.run("save-cache")
        before = len(host.calls("s3 cp"))
        assert host.run("restore-cache").returncode == 0
        assert len(host.calls("s3 cp")) == before
        assert (host.store / "models" / "ngc").is_dir()

    def test_names_the_machine_and_the_image_in_the_manifest(self, host: Host) -> None:
        self.build_models(host)
        host.run("save-cache")
        manifest = dict(line.split("=", 1) for line in self.ready(host).read_text().splitlines())
        assert manifest["archive"].startswith(INSTANCE)
        assert manifest["image"] == NIM
        assert manifest["gpu"] == "nvidia-a10g-sm86"

    def test_leaves_nothing_beside_the_models_but_a_note_that_they_are_whole(
        self, host: Host
    ) -> None:
        self.build_models(host)
        host.run("save-cache")
        kept = {path.name for path in host.store.iterdir()}
        assert kept >= {"models", "models-whole"}
        host.empty_disk()
        host.run("restore-cache")
        left = {path.name for path in host.store.iterdir()}
        assert not [name for name in kept | left if "pipe" in name or "restoring" in name]
        assert (host.store / "models-whole").read_text().startswith("nvidia-a10g-sm86/")
