"""Worlds: each stack up once a process, and new ones for who changes them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from pulumi.automation import PulumiCommand

from ops.offline.pulumi_cli import binary
from tests.engine.worlds import World, world

NewWorld: TypeAlias = Callable[..., World]

SHARED = ("dev", "local", "prod", "staging")
_SECONDS = 600
"""For one scenario, the stack's first `up` included; they take 5 to 60 s on two cores."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every scenario, and keep those of one shared stack in one process."""
    here = Path(__file__).parent
    for item in items:
        if not item.path.is_relative_to(here):
            continue
        item.add_marker(pytest.mark.engine)
        item.add_marker(pytest.mark.timeout(_SECONDS))
        wanted = set(SHARED) & set(getattr(item, "fixturenames", ()))
        if len(wanted) == 1 and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(f"pulumi-{wanted.pop()}"))


@pytest.fixture(scope="session")
def pulumi_command() -> PulumiCommand:
    """The Pulumi CLI; `make engine` has built it before."""
    command = binary.find()
    if command is None:
        pytest.fail("no Pulumi CLI on PATH or in .tools; `make engine` builds it", pytrace=False)
    return command


@pytest.fixture
def new_world(tmp_path: Path, pulumi_command: PulumiCommand) -> Iterator[NewWorld]:
    """Make a stack on the engine, not yet up, in an AWS of its own."""
    with ExitStack() as worlds:

        def make(
            name: str, change: Mapping[str, Any] | None = None, root: Path | None = None
        ) -> World:
            folder = tmp_path / name
            return worlds.enter_context(world(name, folder, pulumi_command, change, root))

        yield make


def _up(name: str, factory: pytest.TempPathFactory, command: PulumiCommand) -> Iterator[World]:
    with world(name, factory.mktemp(name), command) as made:
        outcome = made.up()
        assert not outcome.failure, outcome.messages or outcome.failure
        yield made


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory, pulumi_command: PulumiCommand) -> Iterator[World]:
    """Stack `dev`, up."""
    yield from _up("dev", tmp_path_factory, pulumi_command)


@pytest.fixture(scope="session")
def local(
    tmp_path_factory: pytest.TempPathFactory, pulumi_command: PulumiCommand
) -> Iterator[World]:
    """Stack `local`, up."""
    yield from _up("local", tmp_path_factory, pulumi_command)


@pytest.fixture(scope="session")
def staging(
    tmp_path_factory: pytest.TempPathFactory, pulumi_command: PulumiCommand
) -> Iterator[World]:
    """Stack `staging`, up."""
    yield from _up("staging", tmp_path_factory, pulumi_command)


@pytest.fixture(scope="session")
def prod(
    tmp_path_factory: pytest.TempPathFactory, pulumi_command: PulumiCommand
) -> Iterator[World]:
    """Stack `prod`, up."""
    yield from _up("prod", tmp_path_factory, pulumi_command)
