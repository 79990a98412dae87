"""Programs that tests need and PyPI does not have."""

import os
import shutil

import pytest


def need(program: str, package: str) -> str:
    """Path of a program; without it the test skips, or fails under PERCH_REQUIRE_TOOLS=1.

    Args:
        program: its name on PATH.
        package: Debian's package of it.
    """
    path = shutil.which(program)
    if path is None:
        sentence = f"{program} is missing; Debian: apt-get install {package}"
        if os.environ.get("PERCH_REQUIRE_TOOLS") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path
