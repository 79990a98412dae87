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
from tests.infra.boot.standins.host import Host, one_clear_line
from tests.support.boot_settings import (
    GATEWAY_IMAGE,
    NIM,
    arn,
    classic_riva,
    image_gateway,
)

NGC_KEY = "nvapi-made-up-for-a-test"


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


class TestFetchSecrets:
    def test_puts_each_secret_where_only_its_reader_finds_it(self, host: Host) -> None:
        host.answer("ngc-key", out=f"{NGC_KEY}\n")
        host.answer("tokens", out="one-long-token,another\n")
        host.answer("riva-ca", out="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
        done = host.run("fetch-secrets")
        assert done.returncode == 0, done.stderr
        secrets, files = host.run_folder / "secrets", host.run_folder / "files"
        assert (secrets / "ngc.env").read_text() == f"NGC_API_KEY={NGC_KEY}\n"
        assert (files / "auth-tokens").read_text() == "one-long-token,another"
        assert (files / "riva-ca.pem").read_text().splitlines()[1] == "MIIB"
        for path in [*secrets.iterdir(), *files.iterdir()]:
            assert path.stat().st_mode & 0o077 == 0, path
        assert {path.name for path in secrets.iterdir()} == {"ngc.env"}
        assert host.calls("chown perch:perch", "riva-ca.pem")

    def test_shows_no_secret_in_output_or_on_a_command_line(self, host: Host) -> None:
        host.answer("ngc-key", out=f"{NGC_KEY}\n")
        host.answer("get-secret-value", out="also-secret\n")
        done = host.run("fetch-secrets")
        told = done.stdout + done.stderr + "".join(call.line for call in host.calls())
        assert NGC_KEY not in told
        assert "also-secret" not in told

    @pytest.mark.parametrize(
        ("answer", "status", "reason"),
        [
            (answers.NO_SECRET_VALUE, 254, "secret_missing"),
            (answers.SECRET_DENIED, 254, "secret_denied"),
            (answers.UNREACHABLE, 255, "secret_unreachable"),
        ],
    )
    def test_says_why_a_secret_cannot_be_had(
        self, host: Host, answer: str, status: int, reason: str
    ) -> None:
        host.answer("get-secret-value", err=answer, status=status)
        done = host.run("fetch-secrets")
        assert done.returncode == 1
        assert f"reason={reason}:" in one_clear_line(done.stderr)
        assert arn("perch/dev/ngc-key") in one_clear_line(done.stderr)
        assert not (host.run_folder / "secrets" / "ngc.env").exists()

    @pytest.mark.parametrize("empty", ["\n", "None\n"])
    def test_takes_a_secret_that_nobody_filled_for_missing(self, host: Host, empty: str) -> None:
        host.answer("get-secret-value", out=empty)
        host.run("fetch-secrets")
        assert host.reason() == "secret_missing"

    def test_refuses_a_value_that_an_environment_file_would_change(self, host: Host) -> None:
        host.answer("get-secret-value", out='has "quotes" and $dollars\n')
        done = host.run("fetch-secrets")
        assert host.reason() == "secret_unusable"
        assert "dollars" not in done.stderr

    def test_tries_again_when_the_service_is_not_reachable_yet(self, host: Host) -> None:
        host.answer(
            "get-secret-value", err="Could not connect to the endpoint URL", status=255, times=2
        )
        host.answer("get-secret-value", out="value\n")
        assert host.run("fetch-secrets").returncode == 0

    def test_replaces_secrets_that_were_rotated(self, host: Host) -> None:
        host.answer("get-secret-value", out="old\n", times=3)
        host.answer("get-secret-value", out="new\n")
        assert host.run("fetch-secrets").returncode == 0
        assert host.run("fetch-secrets").returncode == 0
        assert (host.run_folder / "secrets" / "ngc.env").read_text() == "NGC_API_KEY=new\n"


class TestPullImage:
    @pytest.fixture
    def bare(self, host: Host) -> Host:
        """A machine that has its secrets and no image yet."""
        (host.run_folder / "secrets" / "ngc.env").write_text(f"NGC_API_KEY={NGC_KEY}\n")
        host.answer("docker image inspect", status=1)
        return host

    def test_logs_in_by_standard_input_with_a_config_on_the_tmpfs(self, bare: Host) -> None:
        done = bare.run("pull-image", NIM)
        assert done.returncode == 0, done.stderr
        (login,) = bare.calls("docker login")
        assert login.arguments == (
            "login",
            "--username",
            "$oauthtoken",
            "--password-stdin",
            "nvcr.io",
        )
        assert login.input == f"{NGC_KEY}\n"
        assert login.environment["DOCKER_CONFIG"] == str(bare.run_folder / "docker")
        assert not [call for call in bare.calls() if NGC_KEY in call.line]
        assert bare.calls("docker pull", NIM)

    def test_logs_in_to_a_private_registry_with_the_instance_role(self, bare: Host) -> None:
        bare.answer("ecr get-login-password", out="ecr-password\n")
        assert bare.run("pull-image", GATEWAY_IMAGE).returncode == 0
        (login,) = bare.calls("docker login")
        assert (login.arguments[2], login.arguments[-1]) == ("AWS", GATEWAY_IMAGE.partition("/")[0])
        assert login.input == "ecr-password\n"

    def test_pulls_nothing_that_is_here_already(self, host: Host) -> None:
        assert host.run("pull-image", NIM).returncode == 0
        assert not host.calls("docker pull")

    @pytest.mark.parametrize(
        ("answer", "reason", "tries"),
        [
            (answers.NO_SPACE, "disk_full", 1),
            (answers.NO_MANIFEST, "image_missing", 1),
            (answers.UNAUTHORISED, "image_unauthorised", 1),
            (answers.DENIED, "image_unauthorised", 1),
            (answers.TIMEOUT, "image_pull_failed", 3),
        ],
    )
    def test_says_why_a_pull_failed_and_repeats_only_what_may_pass(
        self, bare: Host, answer: str, reason: str, tries: int
    ) -> None:
        bare.answer("docker pull", err=answer, status=1)
        done = bare.run("pull-image", NIM)
        assert done.returncode == 1
        assert f"reason={reason}:" in one_clear_line(done.stderr)
        assert len(bare.calls("docker pull")) == tries

    def test_says_that_the_key_was_refused(self, bare: Host) -> None:
        bare.answer(
            "docker login",
            err="Error response from daemon: Get https://nvcr.io/v2/: unauthorized",
            status=1,
        )
        bare.run("pull-image", NIM)
        assert bare.reason() == "image_unauthorised"
        assert not bare.calls("docker pull")

    def test_does_not_begin_a_pull_that_the_disk_cannot_hold(self, bare: Host) -> None:
        done = bare.run("pull-image", NIM, PERCH_MIN_DISK_GIB="999999")
        assert "reason=disk_full:" in one_clear_line(done.stderr)
        assert not bare.calls("docker pull")


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
        assert ("--volume", f"{host.state}/models:/opt/nim/.cache") in pairs
        assert words[-1] == NIM

    def test_starts_a_classic_riva_with_both_mounts(self, make_host: MakeHost) -> None:
        host = make_host(classic_riva(riva_http_port=8000))
        assert host.run("start-asr").returncode == 0
        (call,) = host.calls("docker run")
        words = call.arguments
        assert f"{host.state}/models:/data" in words
        assert f"{host.state}/models/models:/opt/riva/models" in words
        assert "127.0.0.1:8000:8000" in words
        assert words[words.index("start-riva") :] == (
            "start-riva",
            "--asr_service=true",
            "--nlp_service=false",
            "--tts_service=false",
            "--riva_uri=0.0.0.0:50051",
        )

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
        assert published == [f"{host.own_port}:{host.own_port}", "127.0.0.1:9401:9401"]
        assert ("--env", "RIVA_HOST") in pairs
        assert ("--env", "LOG_LEVEL") in pairs
        assert words[-1] == GATEWAY_IMAGE


class TestLogAgent:
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
