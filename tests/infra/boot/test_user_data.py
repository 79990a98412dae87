"""The user data as a whole: accepted by cloud-init, systemd and bash, small enough, and no secret
in it.

Not proved here: that a Deep Learning AMI has the programs the scripts call (docs/unverified.md).
"""

import base64
import gzip
import hashlib
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.boot import (
    MAX_USER_DATA_BYTES,
    MachineSettings,
    UserDataTooLargeError,
    read_user_data,
    render_user_data,
)
from infra.boot.environment import cache_name, environment_file
from infra.boot.files import HERE, LIBRARY, UNITS, host_files, unit_names
from infra.boot.reasons import FAILURE_REASONS
from tests.infra.boot.standins.host_checks import (
    bash_reads,
    cloud_init_reads,
    machine_root,
    verify_units,
)
from tests.support.boot_settings import (
    GATEWAY_IMAGE,
    NIM,
    any_settings,
    arn,
    boot_settings,
    classic_riva,
    image_gateway,
    with_tls,
)
from tests.support.tools import need

VARIANTS = {
    "nim, bundled gateway": boot_settings(),
    "nim, gateway image": image_gateway(),
    "riva, bundled gateway": classic_riva(),
    "riva, gateway image": image_gateway(kind="riva"),
}
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())

# What credentials look like: an AWS key id, an NGC key, a PEM key, a JSON web token.
CREDENTIAL = re.compile(r"A(KIA|SIA)[0-9A-Z]{16}|nvapi-[\w-]{20}|PRIVATE KEY|eyJ[\w-]{10,}\.")


def document(of: MachineSettings) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.load(
        read_user_data(render_user_data(of)), Loader=yaml.CSafeLoader
    )
    return parsed


def written(of: MachineSettings) -> dict[str, str]:
    """Path -> content of every file that cloud-init would write."""
    return {entry["path"]: entry["content"] for entry in document(of)["write_files"]}


def scripts(of: MachineSettings) -> dict[str, str]:
    return {
        path: content
        for path, content in written(of).items()
        if content.startswith("#!/usr/bin/env bash\n")
    }


@given(any_settings())
@settings(max_examples=25, deadline=None)
def test_any_accepted_settings_give_small_readable_user_data(of: MachineSettings) -> None:
    user_data = render_user_data(of)
    assert len(base64.b64decode(user_data)) <= MAX_USER_DATA_BYTES
    text = read_user_data(user_data)
    assert text.startswith("#cloud-config\n")
    assert {file.path: file.content for file in host_files(of)} == written(of)
    assert not CREDENTIAL.search(text)
    assert render_user_data(of) == user_data


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,9}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_a_shell_reads_every_value_of_an_environment_file_as_it_was(values: dict[str, str]) -> None:
    shown = " ".join(f'"$X{name}"' for name in values)
    prefixed = {f"X{name}": value for name, value in values.items()}
    program = f"set -f; {environment_file(prefixed)}printf '%s\\0' {shown}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == list(values.values())


@every_variant
def test_leaves_room_for_the_settings_of_a_gateway(variant: MachineSettings) -> None:
    used = len(base64.b64decode(render_user_data(variant)))
    assert used < MAX_USER_DATA_BYTES - 1500


def test_refuses_what_ec2_would_refuse_with_the_numbers() -> None:
    # Digests do not compress, so these alone are over the limit.
    noise = {f"WS_X{n}": hashlib.sha256(str(n).encode()).hexdigest() for n in range(600)}
    with pytest.raises(
        UserDataTooLargeError, match=r"\d+ bytes gzipped, EC2 takes 16384.*600 entries"
    ):
        render_user_data(boot_settings(gateway_environment=noise))


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "not base64!",
        base64.b64encode(b"no gzip").decode(),
        base64.b64encode(gzip.compress(b"x", mtime=0))[:12].decode(),
    ],
)
def test_reading_something_else_says_what_it_is_not(broken: str) -> None:
    with pytest.raises(ValueError, match="user data: not made by render_user_data"):
        read_user_data(broken)


def test_names_secrets_and_holds_none() -> None:
    text = read_user_data(render_user_data(boot_settings()))
    assert arn("perch/dev/ngc-key") in text
    # No variable that scripts read as a secret's value is assigned here.
    assert not re.search(r"^\s*(NGC_API_KEY|APP_AUTH_TOKENS)=", text, re.MULTILINE)


@pytest.mark.tool
@every_variant
def test_cloud_init_accepts_it(variant: MachineSettings, tmp_path: Path) -> None:
    done = cloud_init_reads(read_user_data(render_user_data(variant)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid" in done.stdout


@pytest.mark.tool
def test_cloud_init_would_refuse_a_broken_one(tmp_path: Path) -> None:
    """The check above would notice: a validator that accepts everything fails here."""
    text = read_user_data(render_user_data(boot_settings()))
    done = cloud_init_reads(text.replace("permissions:", "permissons:", 1), tmp_path)
    assert done.returncode != 0


@every_variant
def test_bash_parses_every_script(variant: MachineSettings) -> None:
    found = scripts(variant)
    assert len(found) >= 13
    for path, content in found.items():
        done = bash_reads(content)
        assert done.returncode == 0, f"{path}: {done.stderr}"


@pytest.mark.tool
def test_shellcheck_finds_nothing_in_any_script() -> None:
    shellcheck = need("shellcheck", "shellcheck")
    # As they stand in the repository; test_travel.py shows that a machine's are the same programs.
    paths = (HERE / "scripts").iterdir()
    command: list[str | Path] = [shellcheck, "--external-sources", "--source-path=SCRIPTDIR"]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@every_variant
def test_every_script_is_strict_about_errors(variant: MachineSettings) -> None:
    for path, content in scripts(variant).items():
        if path == f"{LIBRARY}/common":
            assert "set -euo pipefail" in content
        else:
            assert '. "${0%/*}/common"\n' in content, path


@pytest.mark.tool
@every_variant
def test_systemd_finds_nothing_wrong_with_the_units(
    variant: MachineSettings, tmp_path: Path
) -> None:
    machine_root(written(variant), tmp_path)
    done = verify_units(tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.tool
@pytest.mark.parametrize(
    ("unit", "before", "after"),
    [
        ("perch-asr.service", "/start-asr", "/no-such-script"),
        ("perch-asr.service", "RestartSec=", "RestartSekunden="),
        ("perch-secrets.service", "After=", "After=perch-asr.service "),
    ],
    ids=["missing script", "misspelt key", "ordering cycle"],
)
def test_systemd_would_find_a_wrong_unit(
    tmp_path: Path, unit: str, before: str, after: str
) -> None:
    machine_root(written(boot_settings()), tmp_path)
    path = tmp_path / UNITS.removeprefix("/") / unit
    path.write_text(path.read_text().replace(before, after, 1))
    done = verify_units(tmp_path)
    assert done.stdout + done.stderr


def directives(content: str) -> list[tuple[str, str, str]]:
    """Section, key and value of every line of a unit."""
    found, section = [], ""
    for line in content.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def units(of: MachineSettings) -> dict[str, list[tuple[str, str, str]]]:
    prefix = f"{UNITS}/"
    return {
        path.removeprefix(prefix): directives(content)
        for path, content in written(of).items()
        if path.startswith(prefix)
    }


def values(unit: list[tuple[str, str, str]], key: str) -> list[str]:
    return [word for _, name, value in unit if name == key for word in value.split()]


@every_variant
def test_the_gateway_starts_without_the_recogniser(variant: MachineSettings) -> None:
    gateway = units(variant)["perch-gateway.service"]
    for key in ("Requires", "After", "BindsTo", "Requisite"):
        assert not {"perch-asr.service", "perch-image.service", "perch-cache.service"} & set(
            values(gateway, key)
        )


@every_variant
def test_no_unit_starts_before_the_secrets_it_reads(variant: MachineSettings) -> None:
    for name, unit in units(variant).items():
        text = json.dumps([one for one in unit if one[1] != "InaccessiblePaths"])
        if "pull-image" in text or "/run/perch/secrets" in text:
            assert "perch-secrets.service" in values(unit, "Requires"), name
            assert "perch-secrets.service" in values(unit, "After"), name


@every_variant
def test_start_limits_stand_where_systemd_reads_them(variant: MachineSettings) -> None:
    limits = [
        (name, section)
        for name, unit in units(variant).items()
        for section, key, _ in unit
        if key.startswith("StartLimit")
    ]
    assert len(limits) >= 5
    assert {section for _, section in limits} == {"Unit"}


@every_variant
def test_every_unit_of_the_boot_reports_its_failure(variant: MachineSettings) -> None:
    # These cannot end a boot: metrics, logs and a faster disk are not worth a machine, saving
    # models comes after it, what cannot be followed leaves things as they are, a host key is for
    # `perch host` alone, and a drain has yet to come.
    spared = {
        "perch-exporter.service",
        "perch-programs.service",
        "perch-log-agent.service",
        "perch-drain-watch.service",
        "perch-drain.service",
        "perch-recognition.service",
        "perch-secrets-watch.service",
        "perch-store.service",
        "perch-cache-save.service",
        "perch-host-key.service",
        "perch-boot-failed@.service",
    }
    for name, unit in units(variant).items():
        if name.endswith(".service") and name not in spared:
            assert values(unit, "OnFailure") == ["perch-boot-failed@%n.service"], name


@every_variant
def test_every_unit_that_is_wanted_comes_back_after_a_reboot(variant: MachineSettings) -> None:
    enabled = set(unit_names(variant))
    (enable,) = (
        line for line in document(variant)["runcmd"] if line[:2] == ["systemctl", "enable"]
    )
    assert set(enable[2:]) == enabled
    started_by_others = {"perch-cache-save.service", "perch-boot-failed@.service"}
    whole = {name for name in units(variant) if "/" not in name}
    assert whole - enabled == started_by_others


@given(st.integers(1, 3600))
@settings(max_examples=20, deadline=None)
@pytest.mark.slow
def test_systemd_waits_longer_than_the_gateway_drains(seconds: int) -> None:
    of = boot_settings(drain_deadline_seconds=seconds)
    files = {file.path: file.content for file in host_files(of)}
    ((_, key, value),) = directives(files[f"{UNITS}/perch-gateway.service.d/drain.conf"])
    assert (key, int(value) > seconds) == ("TimeoutStopSec", True)
    assert f'APP_DRAIN_TIMEOUT_S="{seconds}"' in files["/etc/perch/gateway.env"]


def test_the_gateway_runs_with_little_power() -> None:
    gateway = units(boot_settings())["perch-gateway.service"]
    assert values(gateway, "User") == ["perch"]
    assert values(gateway, "NoNewPrivileges") == ["yes"]
    assert values(gateway, "ProtectSystem") == ["strict"]
    assert values(gateway, "CapabilityBoundingSet") == []
    assert "169.254.169.254" in values(gateway, "IPAddressDeny")


def test_another_image_or_selector_has_other_models() -> None:
    of = boot_settings()
    names = {
        cache_name(of),
        cache_name(boot_settings(image=of.image.replace("1.5.0", "1.5.1"))),
        cache_name(boot_settings(image=f"{of.image}@sha256:{'a' * 64}")),
        cache_name(boot_settings(tags_selector="mode=str-thr")),
        cache_name(boot_settings(recogniser_environment={"NIM_MODEL_PROFILE": "a"})),
        cache_name(classic_riva(tags_selector=of.tags_selector)),
        cache_name(classic_riva(rmirs=("s3://perch-artefacts/x.rmir",))),
    }
    assert len(names) == 7
    assert cache_name(of).startswith("parakeet-1-1b-rnnt-multilingual-1.5.0-")


def test_a_copy_in_another_registry_that_may_download_nothing_has_the_same_models() -> None:
    """What a machine with a way to NVIDIA has made is what one without looks for."""
    export = {"NIM_EXPORT_PATH": "/opt/nim/.cache/export", "NIM_DISABLE_MODEL_DOWNLOAD": "true"}
    maker = boot_settings(recogniser_environment=export)
    copy = NIM.replace("nvcr.io/nim/nvidia", "123456789012.dkr.ecr.us-east-2.amazonaws.com/nim")
    quiet = boot_settings(
        image=copy,
        ngc_key_secret_arn=None,
        recogniser_environment={**export, "NIM_LOG_LEVEL": "WARNING"},
    )
    assert cache_name(maker) == cache_name(quiet)


def test_a_container_is_given_its_variables_as_they_are() -> None:
    """`docker run --env-file` knows no quotes: what follows the first = is the value."""
    given_variables = {"NIM_X": 'a "b" $c \\ d=e # f', "NIM_Y": ""}
    text = written(boot_settings(recogniser_environment=given_variables))["/etc/perch/asr.env"]
    assert dict(line.split("=", 1) for line in text.splitlines()) == given_variables


def test_every_reason_a_script_gives_is_in_the_table_and_the_other_way_round() -> None:
    given_reasons = {"unit_failed"}
    shape = re.compile(r"\b(?:fail |without_cache |reason=)([a-z_]+)\b")
    for path in (HERE / "scripts").iterdir():
        given_reasons |= set(shape.findall(path.read_text()))
    assert given_reasons == set(FAILURE_REASONS)


IMAGE: Final = {"gateway_artifact": GATEWAY_IMAGE, "gateway_artifact_sha256": None}


def test_every_variable_a_script_or_the_exporter_reads_is_given() -> None:
    text = "".join(
        path.read_text() for path in [*(HERE / "scripts").iterdir(), HERE / "host" / "exporter.py"]
    )
    read = set(re.findall(r"\bPERCH_[A-Z_0-9]+", text))
    given_names = {
        shlex.split(line)[0].partition("=")[0]
        for line in written(with_tls("tls", **IMAGE))["/etc/perch/boot.env"].splitlines()
    }
    assert read - {"PERCH_UNIT"} == given_names


def test_the_agent_takes_each_log_to_its_group() -> None:
    config = json.loads(written(boot_settings())["/etc/perch/cloudwatch-agent.json"])
    collected = config["logs"]["logs_collected"]["files"]["collect_list"]
    files = {entry["file_path"]: entry["log_group_name"] for entry in collected}
    outputs = {
        value.removeprefix("append:")
        for unit in units(boot_settings()).values()
        for _, key, value in unit
        if key == "StandardOutput"
    }
    assert outputs | {"/var/log/cloud-init-output.log"} == set(files)
    assert files["/var/log/perch/gateway.log"] == "/perch/dev/blue/gateway"
