"""The stacks that tests run: those as delivered, which nobody fills in, and those of the checkout.

`python -m tests.support.stacks` takes the checkout's over into tests/samples, for who changes what
is delivered.
"""

import argparse
import dataclasses
import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ops.offline.engine.program import run_program
from ops.offline.engine.project import StackProject, load_project, stack_names
from ops.offline.engine.recording import Recording
from ops.offline.placeholders import PlaceholderProvider

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLES: Final = ROOT / "tests" / "samples"
"""Folder of Pulumi.yaml and the stacks as delivered."""
REGION: Final = "us-east-2"
STACKS: Final = ("local", "dev", "staging", "prod")

_NOBODYS: Final = "zone_id: Z00000000000000EXAMPLE"
_ADDED_BY_PULUMI: Final = ("encryptionsalt:", "encryptedkey:", "secretsprovider:")


@functools.cache
def stack(name: str, *, preview: bool = False) -> Recording:
    """Everything one stack registers as it is delivered, run once a process."""
    backend = PlaceholderProvider(region=REGION, preview=preview)
    return run_program(sample(name), backend, preview=preview)


def sample(name: str, overrides: Mapping[str, object] | None = None) -> StackProject:
    """Return a stack as delivered, with some configuration laid over it."""
    project = load_project(name, root=SAMPLES, overrides=overrides)
    return dataclasses.replace(project, root=ROOT)


def has_own_values(name: str) -> bool:
    """Say whether a stack of the checkout is configured in another way than as delivered."""
    if name not in stack_names(SAMPLES):
        return True
    own, delivered = load_project(name, root=ROOT), sample(name)
    return (own.config, own.secret_keys) != (delivered.config, delivered.secret_keys)


def is_filled_in(name: str) -> bool:
    """Say whether a stack of the checkout is somebody's: with a domain or a key of his own."""
    text = (ROOT / "stacks" / f"Pulumi.{name}.yaml").read_text(encoding="utf-8")
    return _NOBODYS not in text or any(key in text for key in _ADDED_BY_PULUMI)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.support.stacks", description=__doc__).parse_args()
    for file in SAMPLES.glob("Pulumi.*.yaml"):
        file.unlink()
    for file in (ROOT / "stacks").glob("Pulumi.*.yaml"):
        shutil.copyfile(file, SAMPLES / file.name)
    shutil.copyfile(ROOT / "ci" / "Pulumi.account.yaml", SAMPLES / "ci" / "Pulumi.account.yaml")
