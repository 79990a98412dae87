"""Programs that tests need and PyPI does not have."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where programs lie that a user's PATH does not name and anybody may run."""


def run_by(python: str, *options: str) -> str:
    """First lines that have a script run by that Python, also where its path has a space in it.

    A `#!` line takes no such path. So the shell reads the second line as a command, and Python as
    a row of texts.

    Args:
        python: path of the interpreter.
        options: its own.
    """
    words = " ".join(f'"{word}"' for word in (python, *options))
    return f'#!/bin/sh\n"exec" {words} "$0" "$@"\n'


def need(program: str, package: str) -> str:
    """Path of a program; without it the test skips, or fails under PERCH_REQUIRE_TOOLS=1.

    Args:
        program: its name on PATH.
        package: Debian's package of it.
    """
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")
    if path is None:
        sentence = f"{program} is missing; Debian: apt-get install {package}"
        if os.environ.get("PERCH_REQUIRE_TOOLS") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path


def wanting(reasons: Iterable[str]) -> list[str]:
    """Count what was skipped for want of a program, a sentence each.

    Args:
        reasons: Why tests were skipped; those that `need` did not give are passed over.
    """
    found = Counter(
        (match[1], match[2])
        for match in (
            re.search(r"(\S+) is missing; (Debian: [^')]*)", reason) for reason in reasons
        )
        if match
    )
    return [
        f"{count} {'test' if count == 1 else 'tests'} skipped for want of {program} ({hint})"
        for (program, hint), count in sorted(found.items())
    ]
