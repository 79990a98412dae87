"""A machine to run boot scripts on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.boot import MachineSettings
from tests.infra.boot.standins.host import Host, Metadata
from tests.support.boot_settings import boot_settings
from tests.support.tools import need

MakeHost = Callable[[MachineSettings], Host]


@pytest.fixture
def make_host(tmp_path: Path) -> Iterator[MakeHost]:
    """Makes the test's machine from settings."""
    need("curl", "curl")
    metadata = Metadata()
    with metadata.serving():
        yield lambda settings: Host(tmp_path, settings, metadata)


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """A machine with the usual settings."""
    return make_host(boot_settings())
