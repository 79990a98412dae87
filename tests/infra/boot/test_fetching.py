"""What a machine fetches before it can serve, run for real against stand-ins: secrets and images.

Stand-ins play aws and docker. Not proved: that these print what the stand-ins print, and how long
AWS takes to know the rights of a new role.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from infra.boot.host.exporter import times_of
from tests.infra.boot.standins import answers
from tests.infra.boot.standins.host import Host, gateway_identity, one_clear_line
from tests.support.boot_settings import GATEWAY_IMAGE, NIM, arn
from tests.support.cases import few

NGC_KEY = "nvapi-made-up-for-a-test"
PATIENT = {"PERCH_PATIENCE_SECONDS": "3600"}


class TestFetchSecrets:
    def test_puts_each_secret_where_only_its_reader_finds_it(self, host: Host) -> None:
        host.answer("ngc-key", out=f"{NGC_KEY}\n")
        host.answer("tokens", out="one-long-token,another\n")
        host.answer("gateway-tls", out=gateway_identity())
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
        assert host.gateway_tls.read_text() == gateway_identity().rstrip()
        assert host.calls("chown perch:perch", "riva-ca.pem")

    def test_notes_for_the_exporter_when_each_secret_was_changed(self, host: Host) -> None:
        host.answer("get-secret-value", out="a-word\n")
        assert host.run("fetch-secrets").returncode == 0
        file = host.run_folder / "secret-times"
        since = datetime(2026, 11, 28, 8, tzinfo=UTC).timestamp()
        assert times_of(file.read_text()) == dict.fromkeys(
            ("ngc.env", "gateway-tls.pem", "auth-tokens", "riva-ca.pem"), since
        )
        assert file.stat().st_mode & 0o777 == 0o644
        assert not list((host.run_folder / "secrets").glob(".*"))

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

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (answers.UNREACHABLE, 255),
            (answers.NO_CREDENTIALS, 253),
            (answers.SECRET_DENIED, 254),
            (answers.NO_SECRET_VALUE, 254),
        ],
    )
    def test_asks_again_for_what_may_still_come(self, host: Host, answer: str, status: int) -> None:
        host.answer("get-secret-value", err=answer, status=status, times=4)
        host.answer("get-secret-value", out="value\n")
        done = host.run("fetch-secrets", **PATIENT)
        assert done.returncode == 0, done.stderr
        assert (host.run_folder / "secrets" / "ngc.env").read_text() == "NGC_API_KEY=value\n"
        # Once a trouble, not once a question.
        assert done.stderr.count("trying again") == 1

    def test_waits_for_somebody_to_fill_a_secret(self, host: Host) -> None:
        host.answer("get-secret-value", out="None\n", times=2)
        host.answer("get-secret-value", out="value\n")
        assert host.run("fetch-secrets", **PATIENT).returncode == 0

    def test_asks_once_more_and_no_further_when_its_patience_is_over(self, host: Host) -> None:
        host.answer("get-secret-value", err=answers.SECRET_DENIED, status=254)
        assert host.run("fetch-secrets", PERCH_PATIENCE_SECONDS="0").returncode == 1
        assert len(host.calls("get-secret-value")) == 1
        assert host.reason() == "secret_denied"

    def test_does_not_wait_for_a_value_to_become_another_one(self, host: Host) -> None:
        host.answer("get-secret-value", out="two words\n")
        assert host.run("fetch-secrets", **PATIENT).returncode == 1
        assert host.reason() == "secret_unusable"

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
        config = bare.run_folder / "docker" / "perch-test.service"
        assert login.environment["DOCKER_CONFIG"] == str(config)
        assert config.stat().st_mode & 0o077 == 0
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

    @pytest.mark.parametrize("spelled", few((str, str.title), (str,)))
    @pytest.mark.parametrize(
        ("answer", "reason", "tries"),
        [
            (answers.NO_SPACE, "disk_full", 1),
            (answers.NO_MANIFEST, "image_missing", 1),
            (answers.UNAUTHORISED, "image_unauthorised", 3),
            (answers.DENIED, "image_unauthorised", 3),
            (answers.TIMEOUT, "image_pull_failed", 3),
        ],
    )
    def test_says_why_a_pull_failed_and_repeats_only_what_may_pass(
        self, bare: Host, answer: str, reason: str, tries: int, spelled: Callable[[str], str]
    ) -> None:
        """Whatever the case: Docker 29 says "Unauthorized" where others said "unauthorized"."""
        bare.answer("docker pull", err=spelled(answer), status=1)
        done = bare.run("pull-image", NIM)
        assert done.returncode == 1
        assert f"reason={reason}:" in one_clear_line(done.stderr)
        assert len(bare.calls("docker pull")) == tries
        # A trouble that stays is told once, before the sentence that the boot ends with.
        assert done.stderr.count(f" of {NIM} failed: ") == (1 if tries > 1 else 0)

    def test_two_units_never_share_a_login(self, bare: Host) -> None:
        """A login writes the whole file; with one file the later one ends the other's pull."""
        for unit, image in (("perch-image.service", NIM), ("perch-gateway.service", GATEWAY_IMAGE)):
            bare.run("pull-image", image, PERCH_UNIT=unit)
        configs = {
            verb: [call.environment["DOCKER_CONFIG"] for call in bare.calls(f"docker {verb}")]
            for verb in ("login", "pull")
        }
        assert configs["login"] == configs["pull"]
        assert len(set(configs["pull"])) == 2

    @pytest.mark.parametrize(
        ("registry", "region"),
        [
            ("123456789012.dkr.ecr.us-west-2.amazonaws.com", "us-west-2"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("123456789012.dkr-ecr.ap-south-1.on.aws", "ap-south-1"),
        ],
    )
    def test_asks_ecr_in_the_region_of_the_repository(
        self, bare: Host, registry: str, region: str
    ) -> None:
        assert bare.run("pull-image", f"{registry}/nim/x:1.0").returncode == 0
        (asked,) = bare.calls("get-login-password")
        assert asked.arguments[asked.arguments.index("--region") + 1] == region

    def test_logs_in_again_when_a_login_failed(self, bare: Host) -> None:
        bare.answer("docker login", err=answers.TIMEOUT, status=1, times=2)
        done = bare.run("pull-image", NIM)
        assert done.returncode == 0, done.stderr
        assert len(bare.calls("docker login")) == 3

    @pytest.mark.parametrize(
        ("step", "answer"),
        [("get-login-password", answers.LOGIN_DENIED), ("docker pull", answers.PULL_DENIED)],
    )
    def test_waits_until_ecr_knows_the_rights_of_a_new_role(
        self, bare: Host, step: str, answer: str
    ) -> None:
        bare.answer(step, err=answer, status=1, times=6)
        done = bare.run("pull-image", GATEWAY_IMAGE, **PATIENT)
        assert done.returncode == 0, done.stderr
        assert bare.calls("docker pull", GATEWAY_IMAGE)

    def test_says_after_three_tries_that_the_key_was_refused(self, bare: Host) -> None:
        """NGC knows a key or does not; no patience helps."""
        bare.answer("docker login", err=answers.BAD_KEY, status=1)
        bare.run("pull-image", NIM, **PATIENT)
        assert bare.reason() == "image_unauthorised"
        assert len(bare.calls("docker login")) == 3
        assert not bare.calls("docker pull")

    def test_does_not_begin_a_pull_that_the_disk_cannot_hold(self, bare: Host) -> None:
        done = bare.run("pull-image", NIM, PERCH_MIN_DISK_GIB="999999")
        assert "reason=disk_full:" in one_clear_line(done.stderr)
        assert not bare.calls("docker pull")
