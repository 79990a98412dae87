"""The way to the AWS API of a stack on this machine, whatever the person's own AWS settings are."""

from collections.abc import Mapping
from pathlib import Path

import boto3
import botocore.session

from ops.errors import CommandFailedError
from ops.offline.credentials import load
from ops.offline.errors import OfflineError

_NOBODYS = ("profile", "config_file", "credentials_file")
"""What botocore looks up in the environment and in ~/.aws, where it fails or finds real keys."""


def local_session(access: Mapping[str, str]) -> boto3.session.Session:
    """Return a session that signs with the access key of a running stack.

    Args:
        access: The variables that `perch up` remembers for it.

    Raises:
        CommandFailedError: Its credentials file cannot be read.
    """
    file = access.get("AWS_SHARED_CREDENTIALS_FILE", "")
    try:
        key = load(Path(file))
    except OfflineError as error:
        raise CommandFailedError(f"{error}; is the stack up? `make up` starts it") from None
    nothing = (None, None, None, None)
    return boto3.session.Session(
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        region_name=access.get("AWS_REGION"),
        botocore_session=botocore.session.Session(session_vars=dict.fromkeys(_NOBODYS, nothing)),
    )
