"""docs/deploy.md says nothing that does not exist: commands, options, keys, names, links.

Commands of perch are parsed by click, those of AWS are held against botocore's models, those of
Pulumi and Docker against the few options listed here. None of them is run: there is no account
here. tests/infra/test_destroy.py holds the page's tables.
"""

import functools
import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import botocore.session
import click
import pytest
import yaml
from botocore import xform_name

# Loads the AWS SDK's packages without their own deprecation warnings.
import tests.infra.conftest  # noqa: F401 - the import is its effect
from app.contract import ErrorCode
from infra.boot import read_user_data
from infra.boot.reasons import FAILURE_REASONS
from infra.catalogue.models import FIRST_START_SECONDS
from infra.config.colour import OwnRecogniserTls
from infra.config.elsewhere import RecogniserTls
from infra.config.machine import SECRETS
from infra.config.sections import Settings
from infra.config.stack import parse
from infra.machines.switch import POSITIONS
from infra.reading.reader import keys_of
from ops.cli import SUBCOMMANDS, load
from ops.offline.engine.project import stack_names
from tests.infra.building import ROOT, stack
from tests.infra.test_program import contract
from tests.support.stacks import SAMPLES

pytestmark = pytest.mark.xdist_group("infra-program")

PAGE: Final = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
PROSE: Final = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
SPANS: Final = sorted(set(re.findall(r"`([^`\n]+)`", PROSE)))

PULUMI: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    # https://www.pulumi.com/docs/iac/cli/commands/: the CLI is not installed where tests run.
    ("login",): frozenset(),
    ("stack", "init"): frozenset({"--secrets-provider"}),
    ("stack", "rm"): frozenset({"--preserve-config"}),
    ("stack", "select"): frozenset(),
    ("install",): frozenset(),
    ("config", "set"): frozenset({"--secret", "--path"}),
    ("preview",): frozenset(),
    ("up",): frozenset(),
    ("destroy",): frozenset(),
    ("state", "unprotect"): frozenset({"--all"}),
}
AWS_CLI_ALONE: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    # Commands of the AWS CLI that are no operation of a service, so botocore does not know them.
    ("s3", "cp"): frozenset({"--recursive", "--exclude", "--include"}),
    ("s3", "ls"): frozenset({"--region"}),
    ("ecr", "get-login-password"): frozenset({"--region"}),
    ("logs", "tail"): frozenset({"--region", "--follow"}),
}
GLOBAL_OPTIONS: Final = {"--region", "--query", "--output"}
DOCKER: Final[Mapping[str, frozenset[str]]] = {
    # https://docs.docker.com/reference/cli/docker/
    "login": frozenset({"--username", "--password-stdin"}),
    "build": frozenset({"--file", "--tag", "--platform"}),
    "push": frozenset(),
    "pull": frozenset({"--platform"}),
    "tag": frozenset(),
}
TLS_CHOICES: Final = (*get_args(RecogniserTls), *get_args(OwnRecogniserTls))
NOT_KEYS: Final = {
    "--platform", "--preserve-config", "--skip-preview", "Account", "Bucket",
    "DeletionGuard", "Environment", "Group", "Key", "L-DB2E81BA", "Listener", "LoadBalancer",
    "Record", "Repository", "Secret", "TargetGroup", "Vpc",
    "aws:region", "boot-failures", "make", "perch", "riva-deploy",
    "rm -rf .venv",
    "targets-unhealthy", "tokens.txt", "saved N files, N bytes, to s3://BUCKET/models/GPU/NAME/...",
    "*", "AWS-StartSSHSession", "ec2-instance-connect:OpenTunnel",
    "ec2-instance-connect:SendSSHPublicKey",
    "ec2:DescribeInstances", "ec2:osuser", "gpu", "perch:host-key", "shell", "ssm:StartSession",
    "/readyz", "perch_group_ready", "server_name", "tls", "ubuntu",
}  # fmt: skip
"""Spans that are words of AWS, files of the reader's, or held by a test of their own."""


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def commands(script: str) -> Iterator[list[str]]:
    """Every simple command of a script, those in `$(...)` included, as argument lists."""
    script = script.replace("\\\n", " ")
    for inner in re.findall(r"\$\(([^()]*)\)", script):
        yield from commands(inner)
    for line in re.sub(r"\$\([^()]*\)", "SUBSTITUTED", script).splitlines():
        for part in re.split(r"\s(?:\||&&)\s", line):
            words = shlex.split(part.partition(" < ")[0])
            if words and not re.fullmatch(r"\w+=.*", words[0]):
                yield words


COMMANDS: Final = [words for script in blocks("sh") for words in commands(script)]
WRITTEN_IN_PROSE: Final = [
    shlex.split(span)
    for span in SPANS
    if span.startswith(("perch ", "pulumi ", "make ", "python "))
]


def by(program: str) -> list[list[str]]:
    """The page's uses of a program, its name left out."""
    ends = (program, f".venv/bin/{program}")
    return [words[1:] for words in (*COMMANDS, *WRITTEN_IN_PROSE) if words[0] in ends]


def options_of(words: Sequence[str]) -> set[str]:
    return {word for word in words if word.startswith("-")}


def test_every_program_is_checked_by_a_test_below() -> None:
    programs = {words[0].removeprefix(".venv/bin/") for words in (*COMMANDS, *WRITTEN_IN_PROSE)}
    checked = {"app/bundle", "aws", "docker", "make", "perch", "pulumi", "python"}
    assert programs == checked


@pytest.mark.parametrize("script", blocks("sh"))
def test_every_script_is_valid_shell(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", by("perch"), ids=" ".join)
def test_perch_understands_its_commands(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("token.txt", "my-recording.wav"):
        (tmp_path / file).touch()
    command = load(words[0], SUBCOMMANDS[words[0]])
    context = command.make_context(words[0], list(words[1:]))
    named = context.params.get("stack") or context.params.get("stacks") or ("dev",)
    assert set([named] if isinstance(named, str) else named) <= set(stack_names(SAMPLES))
    if words[0] == "outputs":
        assert f".{context.params['name']}" in contract()


def test_perch_would_not_understand_another_option() -> None:
    with pytest.raises(click.NoSuchOption):
        load("smoke", SUBCOMMANDS["smoke"]).make_context("smoke", ["--stak", "dev"])


@pytest.mark.parametrize("words", by("pulumi"), ids=" ".join)
def test_pulumi_has_these_commands_and_options(words: list[str]) -> None:
    [command] = [known for known in PULUMI if tuple(words[: len(known)]) == known]
    assert options_of(words) <= PULUMI[command]
    if command == ("config", "set"):
        rest = [word for word in words[2:] if not word.startswith("-")]
        secret = "--secret" in words
        assert rest[0] in (SECRETS if secret else set(keys()))
        assert len(rest) == (1 if secret else 2), "a secret is never an argument"
        assert ("--path" in words) == ("." in rest[0])


def test_what_is_set_on_the_command_line_is_accepted() -> None:
    turned = [words[2:] for words in by("pulumi") if words[:2] == ["config", "set"]]
    changes: dict[str, Any] = {}
    for words in turned:
        if "--secret" not in words:
            *groups, last = words[-2].split(".")
            place = changes
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = words[-1]
    assert changes == {"disposable": "true", "load_balancer": {"deletion_protection": "false"}}
    settings, problems = parse(merged(raw("prod"), changes))
    assert problems == []
    assert (settings.disposable, settings.load_balancer.deletion_protection) == (True, False)


@functools.cache
def service(name: str) -> Any:  # noqa: ANN401 - botocore ships no types
    return botocore.session.get_session().get_service_model(name)


@pytest.mark.parametrize("words", by("aws"), ids=" ".join)
def test_aws_has_these_operations_and_options(words: list[str]) -> None:
    name, operation = words[:2]
    given = options_of(words[2:])
    if (name, operation) in AWS_CLI_ALONE:
        assert given <= AWS_CLI_ALONE[name, operation]
        return
    model = service(name)
    operations = {dashed(known): known for known in model.operation_names}
    shape = model.operation_model(operations[operation]).input_shape
    assert given - GLOBAL_OPTIONS <= {f"--{dashed(member)}" for member in shape.members}
    assert {f"--{dashed(member)}" for member in shape.required_members} <= given


def dashed(name: str) -> str:
    return str(xform_name(name, "-"))


@pytest.mark.parametrize("words", by("docker"), ids=" ".join)
def test_docker_has_these_commands_and_options(words: list[str]) -> None:
    assert options_of(words) <= DOCKER[words[0]]
    if words[0] == "build":
        assert (ROOT / words[words.index("--file") + 1]).is_file()
        assert words[words.index("--platform") + 1] == "linux/amd64"


def test_make_and_the_bundle_script_are_there() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {words[0] for words in by("make")} <= set(targets)
    assert by("app/bundle") == [["build"]]
    assert os.access(ROOT / "app" / "bundle", os.X_OK)


def test_the_page_speaks_of_dev_as_dev_is() -> None:
    recording = stack("dev")
    config = yaml.safe_load((SAMPLES / "Pulumi.dev.yaml").read_text("utf-8"))["config"]
    assert set(re.findall(r"--region (\S+)", PAGE)) == {config["aws:region"]}
    assert f'"$repository:{config["perch:blue"]["gateway_tag"]}"' in PAGE
    groups = {one.inputs["name"] for one in recording.of_type("aws:autoscaling/group:Group")}
    assert set(re.findall(r"--auto-scaling-group-name (\S+)", PAGE)) <= groups
    [prefix] = re.findall(r"--log-group-name-prefix (\S+)", PAGE)
    assert all(name.startswith(prefix) for name in recording.outputs["log_group_names"].values())
    tags = re.findall(r"Key=(\w+),Values=(\w+)", PAGE)
    assert dict(tags) == {"Project": "perch", "Environment": "dev"}
    alarms = {one.name for one in recording.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    told = re.findall(r"--alarm-names (.+)", PAGE)
    assert {name for names in told for name in names.split()} <= alarms
    assert {"perch-dev-blue-targets-unhealthy", "perch-dev-blue-boot-failures"} <= alarms
    [cloud_version] = re.findall(r'^version = "(.+)"', read("pyproject.toml"), re.MULTILINE)
    assert f"perch-gateway-{cloud_version}-py3.12.tar.gz" in PAGE


def test_the_page_says_how_long_a_start_may_take_as_machines_are_told() -> None:
    said = re.search(
        r"up to (\d+) minutes\. A machine that is not ready\nafter (\d+) minutes", PAGE
    )
    assert said
    ready = {
        int(found)
        for template in stack("dev").of_type("aws:ec2/launchTemplate:LaunchTemplate")
        for found in re.findall(
            r'PERCH_READY_SECONDS="?(\d+)', read_user_data(template.inputs["userData"])
        )
    }
    assert (int(said[1]) * 60, {int(said[2]) * 60}) == (FIRST_START_SECONDS, ready)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def keys() -> frozenset[str]:
    return frozenset(path for path, _ in keys_of(Settings))


@functools.cache
def options() -> frozenset[str]:
    """Every option of the commands that the page speaks of, and every word that one accepts."""
    commands = {words[0]: load(words[0], SUBCOMMANDS[words[0]]) for words in by("perch")}
    inner = [
        one
        for group in commands.values()
        if isinstance(group, click.Group)
        for one in group.commands.values()
    ]
    parameters = [one for command in (*commands.values(), *inner) for one in command.params]
    choices = (one.type.choices for one in parameters if isinstance(one.type, click.Choice))
    return frozenset(
        [
            *(spelt for one in parameters for spelt in (*one.opts, *one.secondary_opts)),
            *(str(word) for words in choices for word in words),
        ]
    )


def test_every_key_and_file_that_is_named_exists() -> None:
    spoken = {" ".join(words) for words in WRITTEN_IN_PROSE}
    for span in SPANS:
        if span in NOT_KEYS or span in spoken:
            continue
        key = span.partition(":")[0]
        is_told = key in set(map(str, ErrorCode)) or f".{key}" in contract() or key in POSITIONS
        is_told = is_told or key in SECRETS or key in FAILURE_REASONS or key in TLS_CHOICES
        is_told = is_told or span.partition(" ")[0] in options()
        is_file = (ROOT / span).exists() or (span.startswith("stacks/") and delivered(span))
        assert is_told or key in keys() or is_file or span == ".venv", span


def delivered(path: str) -> bool:
    """Whether a stack's file is one of those as delivered: people may remove theirs."""
    return (SAMPLES / Path(path).name).exists()


def test_every_exception_is_still_on_the_page() -> None:
    assert set(SPANS) >= NOT_KEYS


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert target.startswith("https://") or (ROOT / "docs" / target).is_file(), target


@functools.cache
def raw(name: str) -> Mapping[str, Any]:
    """A stack's keys as delivered, without the project's prefix."""
    return unprefixed(yaml.safe_load((SAMPLES / f"Pulumi.{name}.yaml").read_text("utf-8")))


def unprefixed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix("perch:"): value
        for key, value in document["config"].items()
        if key.startswith("perch:")
    }


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**base} | {
        key: {**base.get(key, {}), **value} if isinstance(value, Mapping) else value
        for key, value in changes.items()
    }


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_example_of_configuration_is_accepted_in_dev(block: str) -> None:
    document = yaml.safe_load(block)
    assert set(document) == {"config"}
    assert all(key.startswith("perch:") for key in document["config"])
    settings, problems = parse(merged(raw("dev"), unprefixed(document)))
    assert problems == []
    assert settings != parse(raw("dev"))[0]


def test_every_example_is_found() -> None:
    assert (len(blocks("sh")), len(blocks("yaml"))) == (
        PAGE.count("```sh\n"),
        PAGE.count("```yaml\n"),
    )


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_budget_of_a_stack_is_above_what_it_usually_costs(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| **together** |"))
    sums = [float(cell.replace(",", "")) for cell in row.split("|")[2:5]]
    cost = dict(zip(("dev", "staging", "prod"), sums, strict=True))[name]
    assert cost < raw(name)["observability"]["monthly_budget_usd"]
