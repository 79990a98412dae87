"""`perch ami`: which machine image each colour has, whether there is a newer one, and the pin."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from infra.catalogue.machine_images import DLAMI_PARAMETER
from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError, one_line
from ops.console.options import stack_options
from ops.console.paths import project_root
from ops.offline.engine.project import load_project
from ops.offline.errors import OfflineError
from ops.stack import COLOURS
from ops.stack_file import with_value, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ops.offline.engine.project import StackProject


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A machine image.

    Attributes:
        id: ami-...
        name: Its name, which has its version; empty where AWS does not show it (any more).
        created: When it was made; None where AWS does not say.
    """

    id: str
    name: str = ""
    created: datetime | None = None

    def __str__(self) -> str:
        if not self.name:
            return f"{self.id} (AWS does not show it)"
        day = "" if self.created is None else f", {self.created:%Y-%m-%d}"
        return f"{self.id} ({self.name}{day})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a stack's file says of a colour's image.

    Attributes:
        pin: `ami_id`; None where each deployment takes what the parameter names.
        parameter: `ami_parameter`.
    """

    pin: str | None
    parameter: str


class Images:
    """Machine images as AWS knows them.

    Args:
        stack: Name of the stack.
        apis: Clients of ssm, ec2 and autoscaling, by those names.
    """

    def __init__(self, stack: str, apis: Mapping[str, Any]) -> None:
        self._stack = stack
        self._apis = apis

    def current(self, parameter: str) -> Image:
        """Return the image that a parameter names now."""
        try:
            found = self._apis["ssm"].get_parameter(Name=parameter)["Parameter"]["Value"]
        except FAILURES as error:
            raise self._failed(f"parameter {parameter}", error) from None
        return self.described(str(found))

    def described(self, image: str) -> Image:
        """Return an image with its name, as far as AWS shows it."""
        try:
            [*found] = self._apis["ec2"].describe_images(
                Filters=[{"Name": "image-id", "Values": [image]}]
            )["Images"]
        except FAILURES as error:
            raise self._failed(f"image {image}", error) from None
        if not found:
            return Image(id=image)
        created = found[0].get("CreationDate")
        return Image(
            id=image,
            name=str(found[0].get("Name", "")),
            created=datetime.fromisoformat(created) if created else None,
        )

    def running(self, group: str) -> Counter[str]:
        """Return how many machines of a group run which image; none where there is no group."""
        try:
            groups = self._apis["autoscaling"].describe_auto_scaling_groups(
                AutoScalingGroupNames=[group]
            )["AutoScalingGroups"]
            ids = [one["InstanceId"] for found in groups for one in found["Instances"]]
            found = (
                self._apis["ec2"].describe_instances(InstanceIds=ids)["Reservations"] if ids else ()
            )
        except FAILURES as error:
            raise self._failed(f"group {group}", error) from None
        return Counter(one["ImageId"] for part in found for one in part["Instances"])

    def _failed(self, what: str, error: Exception) -> CommandFailedError:
        return CommandFailedError(
            f"{what} of stack {self._stack} cannot be read: {one_line(error)}"
        )


def chosen(project: StackProject, colour: str) -> Chosen:
    """Return what a stack's file says of a colour's image."""
    written = project.config.get(f"{project.name}:{colour}", "{}")
    try:
        keys = json.loads(written)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise ConfigurationError(f"{colour} of stack {project.stack} is no map of keys")
    return Chosen(
        pin=keys.get("ami_id") or None, parameter=keys.get("ami_parameter") or DLAMI_PARAMETER
    )


def report(stack: str, colour: str, said: Chosen, images: Images) -> Iterator[str]:
    """Yield the lines about one colour."""
    current = images.current(said.parameter)
    machines = [
        f"{count} {'machine runs' if count == 1 else 'machines run'} {image}"
        for image, count in sorted(images.running(f"perch-{stack}-{colour}").items())
    ]
    runs = ", ".join(machines) or "no machine runs"
    if said.pin is None:
        yield f"{colour}: takes what is current at each `pulumi up`; {runs}"
        yield f"  current: {current}"
    elif said.pin == current.id:
        yield f"{colour}: pinned to the current one, {current}; {runs}"
    else:
        pinned = images.described(said.pin)
        yield f"{colour}: pinned to {pinned}; {runs}"
        yield f"  current: {current}{_newer(pinned, current)}"
        yield f"  `perch ami --stack {stack} --colour {colour} --pin` takes it"


def _newer(pinned: Image, current: Image) -> str:
    if pinned.created is None or current.created is None:
        return ""
    days = (current.created - pinned.created).days
    return f", {days} days newer" if days > 0 else f", {-days} days older"


def pin(path: Path, project: str, colour: str, image: str) -> None:
    """Write an image's id into a stack's file.

    Raises:
        ConfigurationError: The file cannot be changed; it is then as before.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        changed = with_value(text, ("config", f"{project}:{colour}", "ami_id"), image)
        write(path, changed)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from None


@click.command("ami")
@stack_options
@click.option("--colour", type=click.Choice(COLOURS), help="Only this colour  [both].")
@click.option(
    "--pin",
    "pinned",
    is_flag=True,
    help="Write the current image of --colour into the stack's file.",
)
def command(stack: str, state_dir: Path | None, colour: str | None, pinned: bool) -> None:
    """Show which machine image each colour has, and whether there is a newer one.

    AWS publishes a new image about every week behind one parameter. A colour that is pinned stays
    with its own until somebody pins another; the next `pulumi up` then replaces its machines.
    """
    if pinned and colour is None:
        raise ConfigurationError("--pin is for one colour at a time; give --colour as well")
    project = _project(stack)
    region = project.config.get("aws:region", "")
    if not region:
        raise ConfigurationError(f"stack {stack} names no region; accepted: aws:region in its file")
    apis = {}
    for service in ("ssm", "ec2", "autoscaling"):
        apis[service], is_local = aws_clients.connect(service, stack, region, state_dir)
        if is_local:
            raise ConfigurationError(
                f"stack {stack} has no machine image: its gateways run on this machine"
            )
    images = Images(stack, apis)
    for one in COLOURS if colour is None else (colour,):
        said = chosen(project, one)
        if not pinned:
            for line in report(stack, one, said, images):
                click.echo(line)
            continue
        current = images.current(said.parameter)
        if said.pin == current.id:
            click.echo(f"{one}: pinned to it already, {current}")
            continue
        path = project.stack_file
        pin(path, project.name, one, current.id)
        click.echo(f"{one}: pinned to {current} in {path.relative_to(project.root)}")
        click.echo(f"the next `pulumi up` replaces the machines of {one}, one after the other")


def _project(stack: str) -> StackProject:
    try:
        return load_project(stack, root=project_root())
    except OfflineError as error:
        raise ConfigurationError(str(error)) from None
