"""Programs that tests need and PyPI does not have."""

import os
import shutil

import pytest


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
    path = shutil.which(program)
    if path is None:
        sentence = f"{program} is missing; Debian: apt-get install {package}"
        if os.environ.get("PERCH_REQUIRE_TOOLS") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path
