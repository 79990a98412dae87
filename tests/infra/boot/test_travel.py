"""What travels as user data: without what runs nowhere, the same programs, and within a budget.

EC2 takes 16,384 bytes: scripts and units have a part of it, a stack's settings have the rest.
Of the committed stacks it is the program's own wiring that cloud-init, bash and systemd read here.
"""

import base64
import itertools
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from hypothesis import given, settings

from app.asr import RivaSettings
from infra.boot import (
    CODE_BYTES,
    MAX_USER_DATA_BYTES,
    SETTINGS_BYTES,
    MachineSettings,
    read_user_data,
    render_user_data,
    settings_size,
)
from infra.boot.files import HERE, UNITS, host_files, without_comments
from infra.config.elsewhere_rules import OWN_LANGUAGE
from ops.offline.engine.recording import Recording
from tests.infra.boot.standins.host_checks import (
    bash_reads,
    cloud_init_reads,
    machine_root,
    verify_units,
)
from tests.infra.building import STACKS, changed_stack, stack
from tests.support.boot_settings import (
    any_settings,
    arn,
    boot_settings,
)
from tests.support.cases import few
from tests.support.certificates import Pair, put, put_authorities

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
pytestmark = pytest.mark.xdist_group("infra-program")

FORMS: dict[str, tuple[dict[str, Any], ...]] = {
    "runtime": ({}, {"kind": "riva", "rmirs": ("s3://perch-artefacts/x.rmir",)}),
    "image": ({}, {"gateway_artifact": "1.dkr.ecr/x:1", "gateway_artifact_sha256": None}),
    "key": ({}, {"ngc_key_secret_arn": None}),
    "export": (
        {},
        {
            "recogniser_environment": {
                "NIM_EXPORT_PATH": "/opt/nim/.cache/export",
                "NIM_DISABLE_MODEL_DOWNLOAD": "true",
            }
        },
    ),
    "tls": (
        {},
        {"recogniser_tls": "mtls", "recogniser_tls_secret_arn": arn("perch/dev/recogniser-tls")},
    ),
    "scrape": ({}, {"scrape_cidrs": ("10.8.0.0/16", "192.168.224.0/20")}),
    "files": ({}, {"gateway_secret_files": {f"riva-{n}.pem": arn(f"tls-{n}") for n in range(5)}}),
}
"""What a stack can choose that changes which scripts, units and lines a machine has."""


def size(of: MachineSettings) -> int:
    return len(base64.b64decode(render_user_data(of)))


def travelled(path: str) -> str:
    """Content of one file of the usual machine."""
    return {file.path: file.content for file in host_files(boot_settings())}[path]


def put_riva_files(folder: Path) -> None:
    """Put what a machine fetches to speak to recognisers elsewhere by TLS."""
    authority = trustme.CA()
    put_authorities(folder / "riva-ca.pem", authority)
    client = Pair(folder / "riva-client.pem", folder / "riva-client-key.pem")
    put(client, authority.issue_cert("gateway"))


def read(script: str) -> list[str]:
    """A script's lines as bash itself writes what it has understood."""
    command = ["bash", "--pretty-print"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("path", sorted((HERE / "scripts").iterdir()), ids=lambda path: path.name)
def test_a_script_without_its_comments_is_the_same_to_bash(path: Path) -> None:
    source = path.read_text()
    bare_script = without_comments(source)
    assert read(bare_script) == read(source)
    assert bare_script.splitlines()[0] == "#!/usr/bin/env bash"
    assert "\n#" not in bare_script


def test_bash_would_tell_if_what_looks_like_a_comment_were_text() -> None:
    """Else the comparison above compares nothing."""
    script = "echo 'one\n# two\n'\n"
    assert read(without_comments(script)) != read(script)


def test_a_unit_travels_without_comments_and_with_every_directive() -> None:
    for source in sorted((HERE / "units").iterdir()):
        kept = [line for line in source.read_text().splitlines() if not line.startswith("#")]
        assert without_comments(source.read_text()).splitlines() == kept
    assert "#" not in travelled(f"{UNITS}/perch-asr.service")


def test_the_two_parts_of_the_budget_fit_into_what_ec2_takes() -> None:
    assert CODE_BYTES + SETTINGS_BYTES <= MAX_USER_DATA_BYTES


def test_scripts_and_units_of_every_combination_keep_to_their_part() -> None:
    """Whoever adds a script sees here what it costs: a settings' part may be full in some stack."""
    for choice in itertools.product(*FORMS.values()):
        changes: dict[str, Any] = {}
        for form in choice:
            changes |= form
        if "rmirs" in changes:
            changes.pop("recogniser_environment", None)
        of = boot_settings(**changes)
        assert size(of) - settings_size(of) <= CODE_BYTES, changes


@given(any_settings())
@settings(max_examples=25, deadline=None)
def test_settings_never_take_more_than_they_do_by_themselves(of: MachineSettings) -> None:
    assert size(of) <= CODE_BYTES + settings_size(of)


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_keeps_to_the_budget_with_room_for_its_own_variables(name: str) -> None:
    for template in stack(name).of_type(TEMPLATE):
        packed = base64.b64decode(template.inputs["userData"])
        assert len(packed) <= CODE_BYTES + SETTINGS_BYTES - 1_200


def user_data(name: str) -> dict[str, str]:
    """Template -> its packed user data."""
    return {each.name: each.inputs["userData"] for each in stack(name).of_type(TEMPLATE)}


@pytest.mark.tool
@pytest.mark.parametrize("name", few(STACKS, ("prod",)))
def test_user_data_of_both_colours_is_small_and_read_by_cloud_init_bash_and_systemd(
    name: str, tmp_path: Path
) -> None:
    templates = user_data(name)
    assert len(templates) == 2
    for template, packed in templates.items():
        folder = tmp_path / template
        folder.mkdir()
        assert len(base64.b64decode(packed)) <= MAX_USER_DATA_BYTES
        text = read_user_data(packed)
        read = cloud_init_reads(text, folder)
        assert read.returncode == 0, read.stdout + read.stderr
        parsed: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
        files = {entry["path"]: entry["content"] for entry in parsed["write_files"]}
        scripts = {
            path: body for path, body in files.items() if body.startswith("#!/usr/bin/env b")
        }
        assert len(scripts) >= 13
        for path, body in scripts.items():
            assert bash_reads(body).returncode == 0, path
        machine_root(files, folder / "root")
        verified = verify_units(folder / "root")
        assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def environment(recording: Recording, colour: str, path: str) -> dict[str, str]:
    """Variables of an environment file of a colour's machines."""
    template = recording.one(TEMPLATE, f"perch-{recording.stack}-{colour}")
    parsed = yaml.load(read_user_data(template.inputs["userData"]), Loader=yaml.CSafeLoader)
    (content,) = (entry["content"] for entry in parsed["write_files"] if entry["path"] == path)
    return dict(shlex.split(line)[0].partition("=")[::2] for line in content.splitlines() if line)


def secrets(recording: Recording) -> set[str]:
    prefix = f"perch-{recording.stack}-"
    made = recording.of_type("aws:secretsmanager/secret:Secret")
    return {secret.name.removeprefix(prefix) for secret in made}


@pytest.mark.parametrize(
    ("tls", "files"),
    [
        ("none", {}),
        ("public_ca", {}),
        ("private_ca", {"riva-ca.pem": "riva_tls_ca"}),
        (
            "mutual",
            {
                "riva-ca.pem": "riva_tls_ca",
                "riva-client.pem": "riva_tls_certificate",
                "riva-client-key.pem": "riva_tls_key",
            },
        ),
    ],
)
def test_tls_to_the_fallback_has_its_secrets_its_files_and_a_gateway_that_reads_them(
    tls: str, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fallback = {
        "endpoints": ["old-riva.example.org:50051/9000"],
        "cidrs": ["10.20.0.0/24"],
        "tls": tls,
        "server_name": "riva.example.org",
    }
    recording = changed_stack("dev", {"gateway": {"fallback": fallback}})
    wanted = {secret.replace("_", "-") for secret in files.values()}
    assert {name for name in secrets(recording) if "riva-tls" in name} == wanted
    told = environment(recording, "blue", "/etc/perch/boot.env")["PERCH_GATEWAY_SECRET_FILES"]
    fetched = dict(pair.split("=", 1) for pair in told.split())
    arns = recording.outputs["secret_arns"]
    assert {file: arns[secret] for file, secret in files.items()}.items() <= fetched.items()
    # The gateway's own settings take what the machine tells it, once the files are there.
    put_riva_files(tmp_path)
    for name, value in environment(recording, "blue", "/etc/perch/gateway.env").items():
        if name.startswith("RIVA_"):
            monkeypatch.setenv(name, value.replace("/run/perch/files", str(tmp_path)))
    read = RivaSettings(_env_file=None)
    assert (read.ssl, read.of_fallback.ssl) == (False, tls != "none")
    assert (read.ssl_cert is not None) == ("riva-ca.pem" in files)
    assert (read.ssl_client_key is not None) == (tls == "mutual")


@pytest.mark.parametrize("tls", few(("none", "mutual"), ("mutual",)))
def test_groups_of_languages_reach_the_gateway_of_their_colour_as_it_reads_them(
    tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    german = {
        "languages": ["de-DE", "de-AT"],
        "endpoints": ["asr-de.example.org:50051/9000", "10.8.0.7:50052/0"],
        "cidrs": ["10.8.0.0/24"],
        "model": "conformer-de",
        "streams": 12,
        "tls": tls,
        "server_name": "riva.example.org",
    }
    recording = changed_stack("dev", {"green": {"language_groups": {"german": german}}})
    assert "RIVA_GROUPS" not in environment(recording, "blue", "/etc/perch/gateway.env")
    told = environment(recording, "green", "/etc/perch/gateway.env")
    colours = recording.outputs["colours"]
    assert colours["green"]["language_groups"] == told["RIVA_GROUPS"]
    assert colours["blue"]["language_groups"] is None
    put_riva_files(tmp_path)
    for name, value in told.items():
        if name.startswith("RIVA_"):
            monkeypatch.setenv(name, value.replace("/run/perch/files", str(tmp_path)))
    read = RivaSettings(_env_file=None)
    [group] = read.groups.values()
    assert (group.languages, group.model) == (("de-DE", "de-AT"), "conformer-de")
    assert [one.port for one in group.endpoints] == [50051, 50052]
    assert (group.ssl, group.endpoint_streams) == (tls != "none", 12)
    assert group.ssl_server_name == "riva.example.org"
    assert (read.ssl_client_key is not None) == (tls == "mutual")
    files = environment(recording, "blue", "/etc/perch/boot.env")["PERCH_GATEWAY_SECRET_FILES"]
    assert "riva" not in files, "blue reaches nobody by TLS"
    assert RivaSettings.model_fields["language_code"].default == OWN_LANGUAGE
    ways = [
        (rule.inputs["cidrIpv4"], rule.inputs["fromPort"])
        for rule in recording.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        if rule.inputs.get("cidrIpv4") == "10.8.0.0/24"
    ]
    assert sorted(ways) == [("10.8.0.0/24", port) for port in (9000, 50051, 50052)]


def test_a_key_for_recognisers_is_a_file_of_the_gateways_and_in_no_variable() -> None:
    """Its name is all that user data has: the gateway reads the file and follows it."""
    bundle = {
        "gateway_tag": None,
        "gateway_bundle": "gateway/perch-0.1.0.tar.gz",
        "gateway_sha256": "0" * 64,
    }
    key = {"gateway": {"recogniser_key": True}}
    recording = changed_stack("dev", {**key, "blue": bundle, "green": bundle})
    assert "riva-api-key" in secrets(recording)
    assert "riva-api-key" not in secrets(stack("dev"))
    told = environment(recording, "blue", "/etc/perch/boot.env")["PERCH_GATEWAY_SECRET_FILES"]
    fetched = dict(pair.split("=", 1) for pair in told.split())
    assert fetched["riva-api-key"] == recording.outputs["secret_arns"]["riva_api_key"]
    variables = environment(recording, "blue", "/etc/perch/gateway.env")
    assert variables["RIVA_API_KEY_FILE"] == "/run/perch/files/riva-api-key"


def test_a_stack_without_internet_fetches_no_key_and_looks_for_the_models_of_one_that_has_it() -> (
    None
):
    """As docs/deploy.md has it, step by step."""
    nvidia = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0"
    own = "123456789012.dkr.ecr.us-east-2.amazonaws.com/nim/parakeet-1-1b-rnnt-multilingual:1.5.0"
    models = {
        "selector": "mode=str,vad=silero,type=default,model_type=rmir",
        "recogniser_environment": {
            "NIM_EXPORT_PATH": "/opt/nim/.cache/export",
            "NIM_DISABLE_MODEL_DOWNLOAD": "true",
        },
    }
    maker = changed_stack("dev", {"blue": {**models, "image": nvidia}})
    quiet = {**models, "image": own, "ngc_key": False}
    network = {"nat": "none", "interface_endpoints": True}
    taker = changed_stack("dev", {"network": network, "blue": quiet, "green": quiet})
    made, taken = (
        environment(recording, "blue", "/etc/perch/boot.env") for recording in (maker, taker)
    )
    assert made["PERCH_CACHE_NAME"] == taken["PERCH_CACHE_NAME"]
    assert made["PERCH_EXPORT"] == taken["PERCH_EXPORT"] == "export"
    assert made["PERCH_NGC_SECRET"] == maker.outputs["secret_arns"]["ngc_api_key"]
    assert taken["PERCH_NGC_SECRET"] == ""
    assert "ngc-api-key" not in secrets(taker)
    given = environment(taker, "green", "/etc/perch/asr.env")
    assert given == models["recogniser_environment"]
