"""The scripts of a starting machine, run for real against stand-ins.

Real here: bash, curl, tar, sha256sum, the metadata service's token rule. Stand-ins: docker, aws,
nvidia-smi, systemctl. So this does not prove that those programs print what the stand-ins print;
docs/unverified.md says how to check.
"""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from infra.boot import MachineSettings
from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins import answers
from tests.infra.boot.standins.host import INSTANCE, Host, one_clear_line
from tests.support.boot_settings import (
    GATEWAY_IMAGE,
    NIM,
    boot_settings,
    classic_riva,
    image_gateway,
)


class TestVerifyGpu:
    def test_writes_the_kind_of_gpu_that_names_the_model_cache(self, host: Host) -> None:
        host.answer("nvidia-smi", out=answers.A10G)
        host.answer("docker info", out=answers.RUNTIMES)
        done = host.run("verify-gpu")
        assert done.returncode == 0, done.stderr
        assert (host.run_folder / "gpu").read_text() == "nvidia-a10g-sm86\n"

    @pytest.mark.parametrize(
        ("out", "err", "status", "reason"),
        [
            ("", answers.MISMATCH, 18, "driver_mismatch"),
            (answers.NO_DRIVER, "", 9, "driver_missing"),
            (answers.NO_GPU, "", 6, "gpu_absent"),
            ("", answers.LOST_GPU, 255, "gpu_unreadable"),
            ("NVIDIA A10G, [N/A], 8.6, 23028", "", 0, "gpu_unreadable"),
            ("NVIDIA A10G, 470.82.01, 8.6, 23028", "", 0, "driver_too_old"),
            ("Tesla T4, 580.105.08, 7.5, 15360", "", 0, "gpu_too_old"),
            ("NVIDIA A10G-8Q, 580.105.08, 8.6, 8192", "", 0, "gpu_too_small"),
        ],
    )
    def test_ends_in_one_line_that_says_what_is_wrong_with_the_gpu(
        self, host: Host, out: str, err: str, status: int, reason: str
    ) -> None:
        host.answer("nvidia-smi", out=out, err=err, status=status)
        host.answer("docker info", out=answers.RUNTIMES)
        done = host.run("verify-gpu")
        assert done.returncode == 1
        assert f"reason={reason}:" in one_clear_line(done.stderr)
        assert host.reason() == reason

    def test_says_that_a_machine_without_nvidia_smi_has_no_driver(
        self, host: Host, tmp_path: Path
    ) -> None:
        (tmp_path / "only-bash").mkdir()
        (tmp_path / "only-bash" / "bash").symlink_to(shutil.which("bash") or "bash")
        done = host.run("verify-gpu", PATH=str(tmp_path / "only-bash"))
        assert "reason=driver_missing:" in one_clear_line(done.stderr)

    def test_compares_drivers_as_versions_not_as_text(self, host: Host) -> None:
        host.answer("nvidia-smi", out="NVIDIA A10G, 1000.1, 8.6, 23028\n")
        host.answer("docker info", out=answers.RUNTIMES)
        assert host.run("verify-gpu").returncode == 0

    def test_wants_the_newer_driver_of_a_classic_riva_server(self, make_host: MakeHost) -> None:
        host = make_host(classic_riva())
        host.answer("nvidia-smi", out="NVIDIA A10G, 550.90.12, 8.6, 23028\n")
        assert host.run("verify-gpu").returncode == 1
        assert host.reason() == "driver_too_old"

    def test_says_when_docker_cannot_reach_the_gpu(self, host: Host) -> None:
        host.answer("nvidia-smi", out=answers.A10G)
        host.answer("docker info", out='{"runc":{"path":"runc"}}\n')
        host.run("verify-gpu")
        assert host.reason() == "runtime_missing"


class TestStartAsr:
    def test_starts_a_nim_as_nvidia_says_with_its_ports_on_loopback(self, host: Host) -> None:
        assert host.run("start-asr").returncode == 0
        (call,) = host.calls("docker run")
        words = call.arguments
        pairs = list(pairwise(words))
        assert "--runtime=nvidia" in words
        assert ("--gpus", '"device=0"') in pairs
        assert "--shm-size=8GB" in words
        assert ("--ulimit", "nofile=2048:2048") in pairs
        published = [value for flag, value in pairs if flag == "--publish"]
        assert published == ["127.0.0.1:50051:50051", "127.0.0.1:9000:9000"]
        assert ("--env-file", str(host.run_folder / "secrets" / "ngc.env")) in pairs
        assert ("--env", "NIM_TAGS_SELECTOR=mode=str,vad=silero,type=default") in pairs
        assert ("--env", "NIM_HTTP_API_PORT=9000") in pairs
        assert ("--volume", f"{host.store}/models:/opt/nim/.cache") in pairs
        assert words[-1] == NIM

    def test_starts_a_classic_riva_with_both_mounts(self, make_host: MakeHost) -> None:
        host = make_host(classic_riva(riva_http_port=8000))
        assert host.run("start-asr").returncode == 0
        (call,) = host.calls("docker run")
        words = call.arguments
        before, image = words.index("--publish"), words.index(host.settings.image)
        assert words[:before] == (
            *("run", "--rm", "--name", "perch-asr"),
            *("--log-driver", "local", "--log-opt", "max-size=50m", "--init"),
            *("--runtime=nvidia", "--gpus", '"device=0"', "--shm-size=1G"),
            *("--ulimit", "memlock=-1", "--ulimit", "stack=67108864"),
            *("--volume", f"{host.store}/models:/data", "--env-file", "/etc/perch/asr.env"),
        )
        assert words[before:image] == (
            *("--publish", "127.0.0.1:50051:50051", "--publish", "127.0.0.1:8000:8000"),
            *("--volume", f"{host.store}/models/models:/opt/riva/models"),
        )
        assert words[image + 1 :] == (
            "start-riva",
            "--asr_service=true",
            "--nlp_service=false",
            "--tts_service=false",
            "--riva_uri=0.0.0.0:50051",
        )

    @pytest.mark.parametrize("of", [boot_settings(), classic_riva()])
    def test_hands_the_stacks_variables_over_by_a_file(
        self, make_host: MakeHost, of: MachineSettings
    ) -> None:
        host = make_host(of)
        host.run("start-asr")
        (call,) = host.calls("docker run")
        assert ("--env-file", "/etc/perch/asr.env") in pairwise(call.arguments)

    @pytest.mark.parametrize("settings", [image_gateway(), image_gateway(kind="riva")])
    def test_joins_the_gateways_network_where_that_is_a_container(
        self, make_host: MakeHost, settings: MachineSettings
    ) -> None:
        host = make_host(settings)
        host.answer("network inspect", status=1)
        host.answer("network create", err="network with name perch already exists", status=1)
        assert host.run("start-asr").returncode == 0
        (call,) = host.calls("docker run")
        assert call.arguments[call.arguments.index("--network") + 1] == "perch"


class TestExport:
    """A NIM that may download nothing: it exports its models once, then runs from them."""

    @pytest.fixture
    def offline(self, make_host: MakeHost) -> Host:
        host = make_host(
            boot_settings(
                recogniser_environment={
                    "NIM_EXPORT_PATH": "/opt/nim/.cache/export",
                    "NIM_DISABLE_MODEL_DOWNLOAD": "true",
                }
            )
        )
        (host.run_folder / "secrets" / "ngc.env").write_text("NGC_API_KEY=made-up\n")
        return host

    @staticmethod
    def exports(host: Host, status: int = 0, file: str = "models.tar.gz") -> None:
        folder = host.store / "models" / "export"
        script = f"echo models >'{folder}/{file}'; exit {status}"
        host.answer("NIM_DISABLE_MODEL_DOWNLOAD=false", becomes=("/bin/sh", "-c", script))

    def test_is_made_once_and_then_run_from(self, offline: Host) -> None:
        self.exports(offline)
        for _ in range(2):
            done = offline.run("start-asr")
            assert done.returncode == 0, done.stderr
        export, *served = offline.calls("docker run")
        assert ("--env", "NIM_DISABLE_MODEL_DOWNLOAD=false") in pairwise(export.arguments)
        assert len(served) == 2
        for call in served:
            assert "NIM_DISABLE_MODEL_DOWNLOAD=false" not in call.line

    def test_that_ended_in_the_middle_is_made_anew(self, offline: Host) -> None:
        offline.answer("NIM_DISABLE_MODEL_DOWNLOAD=false", status=137, times=1)
        self.exports(offline)
        assert offline.run("start-asr").returncode == 1
        assert offline.reason() == "models_unbuilt"
        (offline.store / "models" / "export" / "half.tar.gz").touch()
        assert offline.run("start-asr").returncode == 0
        assert len(offline.calls("NIM_DISABLE_MODEL_DOWNLOAD=false")) == 2
        assert not (offline.store / "models" / "export" / "half.tar.gz").exists()

    def test_that_left_nothing_is_no_success(self, offline: Host) -> None:
        """These images end with 0 also where nothing was built."""
        self.exports(offline, file="log")
        assert offline.run("start-asr").returncode == 1
        assert offline.reason() == "models_unbuilt"

    def test_is_taken_from_the_cache_where_there_is_no_key(self, offline: Host) -> None:
        (offline.run_folder / "secrets" / "ngc.env").write_text("")
        done = offline.run("start-asr")
        assert "reason=models_missing:" in one_clear_line(done.stderr)
        export = offline.store / "models" / "export"
        export.mkdir()
        (export / "models.tar.gz").touch()
        assert offline.run("start-asr").returncode == 0
        (call,) = offline.calls("docker run")
        assert call.arguments[-1] == NIM


class TestDeployment:
    """A classic Riva server whose models no machine has made yet."""

    RMIR = "s3://perch-artefacts/riva/parakeet.rmir"

    @pytest.fixture
    def riva(self, make_host: MakeHost) -> Host:
        host = make_host(classic_riva(rmirs=(self.RMIR,)))
        address = host.folder / "standins" / "s3" / self.RMIR.removeprefix("s3://")
        address.parent.mkdir(parents=True)
        address.write_text("rmir")
        return host

    def test_is_made_from_the_stacks_files_kept_and_not_made_again(self, riva: Host) -> None:
        assert riva.run("restore-cache").returncode == 0
        models = riva.store / "models" / "models"
        deploy = ("/bin/sh", "-c", f"echo engine >'{models}/model.plan'")
        riva.answer("riva-deploy", becomes=deploy)
        told = []
        for _ in range(2):
            done = riva.run("start-asr")
            assert done.returncode == 0, done.stderr
            told.append(f"deploying {self.RMIR}" in done.stderr)
        assert told == [True, False]
        deployed, *served = riva.calls("docker run")
        assert deployed.arguments[-4:] == (
            "riva-deploy",
            "-f",
            "/data/rmir/parakeet.rmir:tlt_encode",
            "/data/models",
        )
        assert len(served) == 2
        done = riva.run("save-cache")
        assert "saved 1 files" in done.stderr
        riva.empty_disk()
        assert riva.run("restore-cache").returncode == 0
        assert (models / "model.plan").read_text() == "engine\n"
        riva.run("start-asr")
        assert len(riva.calls("riva-deploy")) == 1

    def test_that_fails_is_told_and_made_anew(self, riva: Host) -> None:
        riva.answer("riva-deploy", err="no GPU", status=1, times=1)
        assert riva.run("start-asr").returncode == 1
        assert riva.reason() == "models_unbuilt"
        assert riva.run("start-asr").returncode == 0
        assert len(riva.calls("riva-deploy")) == 2

    def test_without_its_file_is_told(self, riva: Host) -> None:
        riva.answer("s3 cp", self.RMIR, err="404", status=1)
        done = riva.run("start-asr")
        assert "reason=models_missing:" in one_clear_line(done.stderr)


class TestGatewayContainer:
    def test_is_read_only_without_capabilities_and_not_root(
        self, make_host: MakeHost, tmp_path: Path
    ) -> None:
        host = make_host(image_gateway())
        identity = tmp_path / "bin" / "id"
        identity.write_text("#!/bin/sh\necho 987\n")
        identity.chmod(0o755)
        done = host.run("start-gateway")
        assert done.returncode == 0, done.stderr
        (call,) = host.calls("docker run")
        words = call.arguments
        pairs = list(pairwise(words))
        assert "--read-only" in words
        assert ("--cap-drop", "ALL") in pairs
        assert ("--security-opt", "no-new-privileges") in pairs
        assert ("--user", "987:987") in pairs
        published = [value for flag, value in pairs if flag == "--publish"]
        # The load balancer's, and the one that only the machine itself may reach.
        port = host.metadata.gateway_port
        assert published == [f"{port}:{port}", "127.0.0.1:9401:9401"]
        assert ("--env", "RIVA_HOST") in pairs
        assert ("--env", "LOG_LEVEL") in pairs
        assert words[-1] == GATEWAY_IMAGE


class TestHostKey:
    def test_is_published_as_the_machines_own_tag_without_the_comment(
        self, host: Host, tmp_path: Path
    ) -> None:
        public = tmp_path / "key.pub"
        public.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKey root@ip-10-0-0-1\n")
        done = host.run("publish-host-key", PERCH_HOST_KEY=str(public))
        assert done.returncode == 0, done.stderr
        [call] = host.calls("create-tags")
        assert call.arguments[-4:] == (
            *("--resources", INSTANCE, "--tags"),
            "Key=perch:host-key,Value=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKey",
        )

    def test_is_tried_again_while_the_roles_rights_are_new(
        self, host: Host, tmp_path: Path
    ) -> None:
        (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA root@x\n")
        host.answer("create-tags", err="UnauthorizedOperation", status=254, times=2)
        changes = {"PERCH_HOST_KEY": str(tmp_path / "key.pub"), "PERCH_PATIENCE_SECONDS": "3600"}
        assert host.run("publish-host-key", **changes).returncode == 0
        assert len(host.calls("create-tags")) == 3

    def test_that_nobody_takes_is_told_and_costs_no_boot(self, host: Host, tmp_path: Path) -> None:
        (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA root@x\n")
        host.answer("create-tags", err="UnauthorizedOperation", status=254)
        done = host.run("publish-host-key", PERCH_HOST_KEY=str(tmp_path / "key.pub"))
        assert done.returncode == 1
        assert "could not be published: UnauthorizedOperation" in done.stderr
        assert host.reason() is None


class TestLogAgent:
    def test_is_given_the_machines_configuration(self, host: Host, tmp_path: Path) -> None:
        control = tmp_path / "bin" / "amazon-cloudwatch-agent-ctl"
        control.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/asked\n')
        control.chmod(0o755)
        done = host.run("start-log-agent")
        assert (done.returncode, host.calls("LogAgentFailures")) == (0, [])
        assert (tmp_path / "asked").read_text() == (
            "-a fetch-config -m ec2 -s -c file:/etc/perch/cloudwatch-agent.json\n"
        )

    def test_that_does_not_start_costs_a_metric_and_no_boot(
        self, host: Host, tmp_path: Path
    ) -> None:
        control = tmp_path / "bin" / "amazon-cloudwatch-agent-ctl"
        control.write_text("#!/bin/sh\necho 'Error in configuration'; exit 1\n")
        control.chmod(0o755)
        done = host.run("start-log-agent")
        assert done.returncode == 1
        assert host.calls("MetricName=LogAgentFailures")
        assert host.reason() is None
