"""`perch cache`: the models that machines have built and kept for those that start after them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.host.command import Choice, choosing, one_machine, run_line
from ops.stack import StackOutputs, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

ROOT: Final = "models/"
READY: Final = "READY"
"""Written last, so a folder without it is not whole (`infra/boot/scripts/save-cache`)."""
READY_BYTES: Final = 64 * 1024
"""More of the marker is not read."""
GIB: Final = 1024**3


@dataclass(slots=True, kw_only=True)
class Entry:
    """Models of one GPU, image and selector.

    Attributes:
        name: GPU and name, as in `models/NAME/READY`.
        size: Bytes of all its objects.
        newest: When the last of them was written.
        keys: Their keys, the marker first.
        said: What the marker says: archive, bytes, gpu, image, selector, saved_at; empty without.
    """

    name: str
    size: int = 0
    newest: datetime | None = None
    keys: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


class ModelCache:
    """The bucket of built models of one stack.

    Args:
        stack: Name of the stack, for messages.
        outputs: What it exports.
        api: S3 of its account.
    """

    def __init__(self, stack: str, outputs: StackOutputs, api: Any) -> None:  # noqa: ANN401 - boto3's own type is known by literals alone
        self._stack = stack
        self._outputs = outputs
        self._bucket = outputs.model_cache_bucket
        self._api = api

    def entries(self) -> list[Entry]:
        """Return what is kept, by name.

        Raises:
            CommandFailedError: S3 does not tell.
        """
        found: dict[str, Entry] = {}
        try:
            pages = self._api.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=ROOT):
                for one in page.get("Contents", ()):
                    name = one["Key"].removeprefix(ROOT).rpartition("/")[0]
                    entry = found.setdefault(name, Entry(name=name))
                    entry.size += one["Size"]
                    entry.newest = max(entry.newest or one["LastModified"], one["LastModified"])
                    entry.keys.append(one["Key"])
            for entry in found.values():
                # Without its marker the rest is nothing, whenever the removal ends.
                entry.keys.sort(key=lambda key: (not key.endswith(f"/{READY}"), key))
                if entry.keys[0].endswith(f"/{READY}"):
                    entry.said = self._marker(entry.keys[0])
        except FAILURES as error:
            raise self._failed("read", error) from None
        return [found[name] for name in sorted(found)]

    def _marker(self, key: str) -> dict[str, str]:
        body = self._api.get_object(Bucket=self._bucket, Key=key)["Body"].read(READY_BYTES)
        lines = body.decode("utf-8", errors="replace").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def colours(self, entry: Entry) -> list[str]:
        """Return the colours with the image and the selector of an entry, whatever the registry."""
        image = _without_registry(entry.said.get("image", ""))
        return [
            name
            for name, colour in self._outputs.colours.items()
            if _without_registry(colour.image) == image
            and colour.tags_selector == entry.said.get("selector")
        ]

    def remove(self, entry: Entry) -> None:
        """Delete an entry, its marker first: no machine starts from what is half there.

        Raises:
            CommandFailedError: S3 refuses.
        """
        try:
            for key in entry.keys:
                self._api.delete_object(Bucket=self._bucket, Key=key)
        except FAILURES as error:
            raise self._failed("changed", error) from None

    def _failed(self, done: str, error: Exception) -> CommandFailedError:
        said = " ".join(str(error).split())
        return CommandFailedError(
            f"bucket {self._bucket} of stack {self._stack} cannot be {done}: {said}"
        )


def _without_registry(image: str) -> str:
    return image.rpartition("/")[2]


def lines(cache: ModelCache) -> Iterator[str]:
    """Yield a line for each entry."""
    for entry in cache.entries():
        colours = cache.colours(entry)
        if not entry.said:
            use = "not whole: it has no READY, or is being saved now"
        elif colours:
            use = f"image and selector of {' and '.join(colours)}"
        else:
            use = f"of no colour: {entry.said.get('image')}, {entry.said.get('selector')}"
        at = "" if entry.newest is None else f"{entry.newest:%Y-%m-%d %H:%M} UTC"
        yield f"{entry.name}  {entry.size / GIB:.2f} GiB, {at}; {use}"


def _connect(stack: str, chosen: Path | None) -> ModelCache:
    outputs = read(stack, chosen=chosen)
    api, _ = aws_clients.connect("s3", stack, outputs.region, chosen)
    return ModelCache(stack, outputs, api)


@click.group("cache")
def command() -> None:
    """Show, keep, fetch or remove the models that machines have built."""


SAVE: Final = "sudo -n systemctl start perch-cache-save"
"""The unit that a machine starts by itself once it serves; it ends when the models are kept."""
RESTORE: Final = (
    # Without the mark the unit takes what is kept, and not what the machine has.
    "sudo -n rm -f /var/lib/perch/store/models-whole"
    " && sudo -n systemctl restart perch-cache perch-asr"
)
SAID: Final = "status=$?; sudo -n tail --lines=5 /var/log/perch/host.log; exit $status"
MODEL_SECONDS: Final = 3600.0
"""As long as the machine's own units take at most to move models."""


def _on_a_machine(choice: Choice, line: str) -> None:
    """Run a line on one machine, print what its units said, and end as the line did."""
    if choice.is_local():
        raise ConfigurationError(
            f"stack {choice.stack} keeps no models: its recognisers are emulators, whose models "
            "come with a Python package"
        )
    with one_machine(choice) as (connection, _, _):
        status = run_line(connection, f"{line}; {SAID}", seconds=MODEL_SECONDS)
    sys.exit(status)


@command.command("save")
@choosing
def save(choice: Choice) -> None:
    """Have a machine that serves keep its models for the next one.

    It does so by itself after it has built them; this is for when that failed. Nothing is sent
    where models of its GPU, image and selector are kept already.
    """
    _on_a_machine(choice, SAVE)


@command.command("restore")
@choosing
def restore(choice: Choice) -> None:
    """Have a machine fetch the models that are kept, in the place of those that it has.

    Its recogniser is started again with them: sessions go on with another machine, or wait. A new
    machine fetches them by itself.
    """
    _on_a_machine(choice, RESTORE)


@command.command("list")
@stack_options
def list_entries(stack: str, state_dir: Path | None) -> None:
    """Print what is kept, a line each: GPU and name, size, age, and whose it is."""
    found = False
    for line in lines(_connect(stack, state_dir)):
        found = True
        click.echo(line)
    if not found:
        click.echo("no models are kept: the next machine makes them")


@command.command("remove")
@stack_options
@click.argument("name")
@click.option(
    "--even-in-use", is_flag=True, help="Also where a colour has its image and its selector."
)
def remove(stack: str, state_dir: Path | None, name: str, even_in_use: bool) -> None:
    """Remove the models NAME, as `perch cache list` has it; the next machine makes them anew."""
    cache = _connect(stack, state_dir)
    kept = cache.entries()
    entry = next((one for one in kept if one.name == name), None)
    if entry is None:
        known = ", ".join(one.name for one in kept) or "none"
        raise ConfigurationError(f"there are no models {name!a}; kept: {known}")
    colours = cache.colours(entry)
    if colours and not even_in_use:
        raise CommandFailedError(
            f"{' and '.join(colours)} may start from {name}: without it the next machine takes as "
            "long as the first; --even-in-use removes it all the same"
        )
    cache.remove(entry)
    click.echo(f"removed {name}, {entry.size / GIB:.2f} GiB")
