"""The way to the AWS API of a stack on this machine, whatever the person's own AWS settings are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import boto3
from botocore.config import Config

from ops.console.errors import CommandFailedError
from ops.offline.errors import OfflineError
from ops.offline.simulator.credentials import load
from ops.offline.simulator.sessions import isolated_session

CALLS: Final = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
"""For clients of the API on this machine: what takes longer is broken."""


def local_session(access: Mapping[str, str], *, start: str = "`make up`") -> boto3.session.Session:
    """Return a session that signs with the access key of a running stack.

    Args:
        access: The variables that `perch up` remembers for it.
        start: The command that starts it, in backticks.

    Raises:
        CommandFailedError: Its credentials file cannot be read.
    """
    file = access.get("AWS_SHARED_CREDENTIALS_FILE", "")
    try:
        key = load(Path(file))
    except OfflineError as error:
        raise CommandFailedError(f"{error}; is the stack up? {start} starts it") from None
    return isolated_session(key, region=access.get("AWS_REGION"))
