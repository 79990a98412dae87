"""docs/configuration.md says what the code says; that it is up to date, `tests.docs` checks."""

import re

from infra.catalogue.gpu import MACHINES
from infra.catalogue.models import IMAGES
from infra.config.machine import SECRETS
from infra.config.reference import configuration_page
from infra.config.sections import Settings
from infra.reading.reader import Key, keys_of
from tests.infra.test_program import contract

PAGE = configuration_page()


def test_every_key_has_a_row_of_its_own() -> None:
    rows = re.findall(r"^\| `([\w.<>]+)` \|", PAGE, flags=re.MULTILINE)
    keys = [path for path, known in keys_of(Settings) if isinstance(known, Key)]
    for key in keys:
        if not key.startswith("green."):
            assert rows.count(key) == 1, key
    for name in SECRETS:
        assert name in rows


def test_every_machine_and_every_recogniser_is_listed() -> None:
    for name in (*MACHINES, *IMAGES):
        assert f"| `{name}` |" in PAGE


def test_every_output_is_explained() -> None:
    for path in contract():
        if not path.startswith(".colours.green"):
            assert re.search(rf"^\| `{re.escape(path[1:])}` \| \S", PAGE, flags=re.MULTILINE), path


def test_required_keys_are_marked() -> None:
    assert "| `owner` | **required** |" in PAGE
    assert "| `network.zones` | `2` | a whole number from 2 to 3 |" in PAGE
