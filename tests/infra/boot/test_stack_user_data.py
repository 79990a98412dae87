"""The user data of every committed stack, as its launch templates carry it.

tests/infra/boot holds every variant to more than this; here it is the program's own wiring that is
read by cloud-init, bash and systemd.
"""

from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.boot import MAX_USER_DATA_BYTES, read_user_data
from tests.infra.boot.standins.host_checks import (
    bash_reads,
    cloud_init_reads,
    machine_root,
    verify_units,
)
from tests.infra.building import STACKS, stack

pytestmark = [pytest.mark.xdist_group("infra-program"), pytest.mark.tool]

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def user_data(name: str) -> dict[str, str]:
    """Template -> its packed user data."""
    return {each.name: each.inputs["userData"] for each in stack(name).of_type(TEMPLATE)}


@pytest.mark.parametrize("name", STACKS)
def test_user_data_of_both_colours_is_small_and_read_by_cloud_init_bash_and_systemd(
    name: str, tmp_path: Path
) -> None:
    templates = user_data(name)
    assert len(templates) == 2
    for template, packed in templates.items():
        folder = tmp_path / template
        folder.mkdir()
        assert len(b64decode(packed)) <= MAX_USER_DATA_BYTES
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
