"""Runs pytest as often as it is asked to, with what is slow to import already there.

A line of JSON on standard input asks for one run; a line on standard output names its process, and
a second one its exit status, negative for a signal. Modules of the repository are imported by none
but the forked process, so that each run takes them as they are on disk then.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import sys
import traceback
from contextlib import suppress
from typing import Final

import pytest

SLOW: Final = (
    "numpy",
    "soundfile",
    "soxr",
    "pydantic",
    "grpc",
    "google.protobuf",
    "opentelemetry.sdk.trace",
    "cryptography.x509",
    "starlette.applications",
    "uvicorn",
    "websockets.asyncio.client",
    "websockets.asyncio.server",
    "prometheus_client",
    "pulumi",
    "pulumi_aws",
    "boto3",
    "botocore.session",
    "moto.server",
    "jsonschema",
    "hypothesis.strategies",
    "yaml",
)
"""Of other people's modules; what is not installed is left to the tests that skip without it."""


def main() -> None:
    """Import, then run what each line asks for, until there are no more lines."""
    argparse.ArgumentParser(prog="python -m tests.mutants.warm", description=__doc__).parse_args()
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _run(**asked)
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _run(arguments: list[str], environment: dict[str, str], output: str, cpu_s: int) -> None:
    """Become the leader of a session and run pytest; never returns."""
    status = 1
    try:
        os.setsid()
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        os.environ.update(environment)
        status = int(pytest.main(arguments))
    except BaseException:  # noqa: BLE001 - whatever it was, the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Threads that a broken thing left running would be waited for.
        os._exit(status)


if __name__ == "__main__":
    main()
