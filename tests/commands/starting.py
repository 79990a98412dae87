"""How the tests of this suite start a command, and what holds of every end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.forking import Done

PRELOAD: Final = (
    *("ops.ami", "ops.images", "ops.rollout.canary", "ops.rollout.rollback_command", "ops.rotate"),
    # Looked up by name when they are needed, where a user without rights may not read any more.
    "encodings.idna",
    "encodings.utf_8_sig",
    "app.emulator.__main__",
    "app.gateway.__main__",
    "ops.cli",
    "ops.doctor.command",
    "ops.load.command",
    "ops.local.down",
    "ops.local.up",
    "ops.logs.command",
    "ops.preview",
    "ops.qa.command",
    "ops.recognition",
    "ops.report",
    "ops.scale",
    "ops.smoke.command",
    "ops.status.command",
    "ops.transcribe.command",
)
PROGRAM: Final = (
    *("pulumi_aws.autoscaling", "pulumi_aws.cloudwatch", "pulumi_aws.ec2", "pulumi_aws.iam"),
    *("pulumi_aws.lb", "pulumi_aws.s3", "pulumi_aws.sns", "pulumi_aws.wafv2"),
)
"""What is slow to import of what the program of a stack imports."""


NOBODY_LISTENS: Final = 9
"""A port below those that are given out, where this machine serves nothing."""


CODES: Final = {0, 1, 2}


URL: Final = f"ws://127.0.0.1:{NOBODY_LISTENS}/ws"


def environment(tmp_path: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm-256color",
        "USER": "somebody",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def held(done: Done, *, is_read: bool = True) -> None:
    """Assert what holds of every end.

    Args:
        done: How it ended.
        is_read: Whether standard output comes here, where a report says what failed, as that of
            `perch smoke` does.
    """
    said = f"{done.code}\n{done.out}\n{done.err}"
    assert done.code in CODES, said
    for word in ("Traceback", "Exception ignored", "a fault of perch itself"):
        assert word not in said, said
    if done.code and is_read:
        told = "FAIL" in done.out or "not known" in done.out
        assert done.err.strip() or told, said
