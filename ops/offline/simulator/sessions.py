"""Sessions of boto3 that know nothing of the person: for AWS APIs on this machine."""

import os

import boto3
import botocore.session
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES, ConstantProvider

from ops.offline.simulator.credentials import AccessKey

_FILES = {"config_file": os.devnull, "credentials_file": os.devnull}


def isolated_session(key: AccessKey, *, region: str | None = None) -> boto3.session.Session:
    """Return a session without anything of ~/.aws or of the variables AWS_*.

    A profile that does not exist, a mode that there is not, a file that is none: each ends a usual
    session before it has asked anything, and what it does find could be a person's real keys.

    Args:
        key: What requests are signed with.
        region: AWS region, None where each client names its own.
    """
    defaults = {
        name: (None, None, _FILES.get(name, default), convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    core = botocore.session.Session(session_vars=defaults)
    # The one section with variables of its own.
    core.get_component("config_store").set_config_provider("s3", ConstantProvider(None))
    return boto3.session.Session(
        aws_access_key_id=key.id,
        aws_secret_access_key=key.secret,
        region_name=region,
        botocore_session=core,
    )
