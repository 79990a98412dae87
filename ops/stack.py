"""The one place that reads stack outputs.

A stack that ``perch up`` keeps on this machine is read from its state folder; any other is asked of
the Pulumi CLI. Either way the answer is checked against the same types, which a test holds equal to
what the program exports.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.hints import perhaps, start
from ops.console.options import LOCAL, stack_option, state_option
from ops.console.paths import project_root, state_folder

PULUMI_SECONDS = 120.0
"""Deadline for one call of the Pulumi CLI, which may have to log in to its backend first."""
Port = Field(ge=1, le=65535)


class Outputs(BaseModel):
    """Base of what a stack exports: frozen, and deaf to outputs that a newer program adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ColourOutputs(Outputs):
    """One colour of an environment: its machines and what runs on them.

    Attributes:
        target_group_arn: Target group that the listener weighs.
        auto_scaling_group_name: Group of the colour's machines.
        launch_template_id: What a new machine of it is made from.
        ami_id: Machine image of that template.
        image: Container image of the recogniser, with its tag.
        tags_selector: The recogniser's model selector.
        model: Name of the model as Riva lists it; None for the recogniser's own choice.
        gateway_artifact: Where its machines get the gateway from.
        gateway_port: TCP port of the gateway, plain HTTP.
        riva_grpc_port: TCP port of Riva's gRPC API.
        riva_http_port: TCP port of the recogniser's health API.
        alarm_name: Composite alarm that is in ALARM when any of the colour's alarms is.
        weight: Share of new sessions as the program set it; what holds now stands in the listener.
    """

    target_group_arn: str
    auto_scaling_group_name: str
    launch_template_id: str
    ami_id: str
    image: str
    tags_selector: str
    model: str | None
    gateway_artifact: str
    gateway_port: int = Port
    riva_grpc_port: int = Port
    riva_http_port: int = Port
    alarm_name: str
    weight: int = Field(ge=0, le=999)


class SecretArns(Outputs):
    """ARNs of the secrets; their values are in no output."""

    ngc_api_key: str
    gateway_signing_key: str
    riva_tls_material: str
    gateway_resume_keys: str


class LogGroupNames(Outputs):
    """CloudWatch log groups: of the gateway, the recogniser, the host, and the VPC's traffic."""

    gateway: str
    asr: str
    system: str
    flow: str


class Colours(Outputs):
    """Both colours."""

    blue: ColourOutputs
    green: ColourOutputs

    def items(self) -> tuple[tuple[str, ColourOutputs], ...]:
        """Return both by name, blue first."""
        return (("blue", self.blue), ("green", self.green))


class StackOutputs(Outputs):
    """What a stack exports: the contract between the Pulumi program and everything else.

    Attributes:
        environment: Name of the stack.
        region: AWS region.
        endpoint_url: Where people and programs reach the environment, https, without a path.
        websocket_url: The same for sessions, wss.
        listener_port: TCP port of both.
        direct_header: Header whose value, blue or green, reaches that colour whatever its weight.
        ca_certificate_path: File with the authority clients must trust; None for a public one.
        recognition_parameter_name: SSM parameter that says whether speech is recognised, and where.
        riva_fallback_endpoints: Where recognition goes on `fallback`; None for nowhere.
        gateway_max_sessions: Sessions one gateway admits at a time.
        riva_endpoint_streams: Streams one recogniser takes at a time; 0 where that is not known.
        colours: Both colours.
    """

    environment: str
    region: str
    endpoint_url: str
    websocket_url: str
    listener_port: int = Port
    direct_header: str
    vpc_id: str
    load_balancer_arn: str
    load_balancer_dns_name: str
    listener_arn: str
    certificate_arn: str
    # Pulumi leaves a null out of a stack's outputs, so absent means the same.
    ca_certificate_path: Path | None = None
    kms_key_arn: str
    secret_arns: SecretArns
    recognition_parameter_name: str
    riva_fallback_endpoints: str | None = None
    gateway_max_sessions: int = Field(ge=1)
    riva_endpoint_streams: int = Field(ge=0)
    model_cache_bucket: str
    artefact_bucket: str
    gateway_repository_url: str
    log_group_names: LogGroupNames
    alarm_topic_arn: str
    dashboard_name: str
    colours: Colours


def parse(text: str, *, stack: str, source: str) -> StackOutputs:
    """Read outputs from JSON.

    Args:
        text: JSON object of the outputs by name.
        stack: Name of the stack, for the message.
        source: Where the text came from, for the message.

    Raises:
        CommandFailedError: The text is no such object; names every output that is missing or wrong.
    """
    try:
        return StackOutputs.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'outputs'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise CommandFailedError(
            f"the outputs of stack {stack} from {source} do not fit this version of perch: {wrong}"
        ) from None


def read(stack: str, *, chosen: Path | None = None) -> StackOutputs:
    """Return a stack's outputs.

    Args:
        stack: Name of the stack, as in `stacks/Pulumi.<stack>.yaml`.
        chosen: State folder, when the stack lives on this machine in another than the usual place.

    Raises:
        CommandFailedError: The stack is not up, unknown, or cannot be read.
    """
    folder = state_folder(stack, chosen)
    file = folder / "outputs.json"
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if stack == LOCAL or chosen is not None:
            raise CommandFailedError(
                f"stack {stack} is not up (nothing in {folder}); "
                f"start it with {start(stack, folder)}"
            ) from None
        text = _from_pulumi(stack)
        return parse(text, stack=stack, source="`pulumi stack output`")
    except OSError as error:
        raise CommandFailedError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandFailedError(
            f"{file} is no text in UTF-8; {start(stack, folder)} writes it anew"
        ) from None
    return parse(text, stack=stack, source=str(file))


def _stacks() -> tuple[str, ...]:
    """Return the stacks that have a file in the checkout."""
    files = (project_root() / "stacks").glob("Pulumi.*.yaml")
    return tuple(sorted(file.name.split(".", 1)[1].removesuffix(".yaml") for file in files))


def _from_pulumi(stack: str) -> str:
    known = _stacks()
    program = shutil.which("pulumi")
    if program is None and known and stack not in known:
        raise ConfigurationError(
            f"there is no stack {stack} here{perhaps(stack, known)}; stacks: {', '.join(known)}"
        )
    if program is None:
        raise CommandFailedError(
            f"stack {stack} is read with the Pulumi CLI, and there is no `pulumi` on the PATH; "
            "install it (https://www.pulumi.com/docs/iac/download-install/) or use --stack local"
        )
    arguments = [program, "stack", "output", "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(
            arguments,
            cwd=project_root(),
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PULUMI_SECONDS,
            check=False,
        )
    except OSError as error:
        raise CommandFailedError(f"{program} cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CommandFailedError(
            f"`pulumi stack output` for stack {stack} gave no answer in {PULUMI_SECONDS:.0f} s"
        ) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CommandFailedError(
            f"the Pulumi CLI cannot read stack {stack}: {said[-1]}{perhaps(stack, known)}"
        )
    return done.stdout


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    """Return JSON as (dotted name, text) rows; null is shown as a dash."""
    if isinstance(value, Mapping):
        return [
            row for key, inner in value.items() for row in flat(inner, f"{prefix}.{key}".strip("."))
        ]
    return [(prefix, "-" if value is None else str(value))]


@click.command("outputs")
@stack_option
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("name", required=False)
def command(stack: str, state_dir: Path | None, as_json: bool, name: str | None) -> None:
    """Print the outputs of a stack, or the one called NAME (as in colours.blue.image)."""
    outputs = read(stack, chosen=state_dir).model_dump(mode="json")
    selected: Any = outputs
    for part in name.split(".") if name else ():
        if not isinstance(selected, dict) or part not in selected:
            raise ConfigurationError(
                f"stack {stack} has no output {name}; it has: "
                + ", ".join(row for row, _ in flat(outputs))
            )
        selected = selected[part]
    if as_json:
        click.echo(json.dumps(selected, indent=2))
    elif isinstance(selected, dict):
        rows = flat(selected)
        width = max(len(row) for row, _ in rows)
        for row, text in rows:
            click.echo(f"{row:<{width}}  {text}")
    else:
        click.echo("-" if selected is None else str(selected))
