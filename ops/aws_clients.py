"""The AWS API of a stack: of its account, or of `perch up` on this machine."""

from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ops.console import hints
from ops.console.errors import CommandFailedError, ConfigurationError, one_line
from ops.console.paths import state_folder
from ops.local.access import local_session
from ops.local.state import StateFolder

CALLS: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})
FAILURES: Final = (BotoCoreError, ClientError, ValueError, OSError)
"""What a call can end with: botocore's own, and what its HTTP client makes of odd settings."""


def connect(service: str, stack: str, region: str, chosen: Path | None) -> tuple[Any, bool]:
    """Return a client of one service, and whether the stack runs on this machine.

    Args:
        service: boto3's name of it.
        stack: Name of the stack.
        region: AWS region of the stack.
        chosen: State folder given by the person; None for the usual one.

    Raises:
        CommandFailedError: The credentials of the stack on this machine cannot be read.
        ConfigurationError: The person's own settings lead to no account.
    """
    folder = state_folder(stack, chosen)
    state = StateFolder(folder).read()
    if state is None:
        return in_aws(service, stack, region), False
    start = hints.start(stack, folder)
    session = local_session(state.aws, start=start)
    endpoint = state.aws.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        raise CommandFailedError(f"stack {stack} is still starting, or did not come up; {start}")
    client: Any = session.client(  # type: ignore[call-overload]  # the service is the caller's
        service,
        region_name=region,
        endpoint_url=endpoint,
        config=CALLS.merge(Config(proxies={})),
    )
    return client, True


def in_aws(service: str, stack: str, region: str) -> Any:  # noqa: ANN401 - boto3 knows types by literals alone
    """Return a client of one service of a stack's account, as the person's own settings lead there.

    Raises:
        ConfigurationError: They lead to no account.
    """
    try:
        return boto3.client(service, region_name=region, config=CALLS)  # type: ignore[call-overload]  # as above
    except (BotoCoreError, ValueError, OSError, ImportError) as error:
        # A profile that is not there, a file that is no configuration, a mode that does not exist.
        raise ConfigurationError(
            f"AWS cannot be asked for stack {stack} with the settings of this shell "
            f"(AWS_PROFILE and the other AWS_*, ~/.aws/config): {one_line(error)}"
        ) from None
