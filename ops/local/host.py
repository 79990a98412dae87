"""What a machine's host does for its gateway, done for the gateways of a local stack.

``python -m ops.local.host --outputs FILE --keys FILE --certificate FILE --access-list FILE
--recognition FILE`` asks the AWS API that the environment names: for the keys of resume tokens, the
gateways' key and certificate and the access list, whenever these are said to have changed, and for
what the switch of recognition says.
Gateways find all of it in files and need no credentials, as on a machine in AWS.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from ops import stack
from ops.local.access import CALLS
from ops.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ssm import SSMClient

POLL_SECONDS: Final = 0.5
log = logging.getLogger("perch.host")


def fetch(arn: str, file: Path) -> None:
    """Put a secret's text into a file that only its owner can read.

    Raises:
        BotoCoreError: The API cannot be asked.
        ClientError: It has no such secret, or no value of it.
    """
    value = boto3.client("secretsmanager", config=CALLS).get_secret_value(
        SecretId=arn,
        VersionStage="AWSCURRENT",  # AWS's default, and not moto's
    )
    write_private(file, value["SecretString"])


class ParameterFollower:
    """Does something whenever a parameter says something else; without an answer nothing changes.

    Args:
        api: Where the parameter is.
        name: Its name.
        act: Called with the new word. While it fails it is called again at the next look.
    """

    def __init__(self, api: SSMClient, name: str, act: Callable[[str], None]) -> None:
        self._api = api
        self._name = name
        self._act = act
        self._word = ""
        self._is_in_trouble = False

    def look(self) -> None:
        """Ask once."""
        try:
            word = self._api.get_parameter(Name=self._name)["Parameter"]["Value"]
            if word != self._word:
                self._act(word)
        except (BotoCoreError, ClientError) as error:
            # Once a trouble, not once a question.
            if not self._is_in_trouble:
                log.warning("%s is not followed, what was last said holds: %s", self._name, error)
            self._is_in_trouble = True
            return
        self._is_in_trouble = False
        self._word = word


def keep_word(file: Path) -> Callable[[str], None]:
    """Return what keeps the switch's word in a file, replaced as a whole."""

    def keep(word: str) -> None:
        write_private(file, f"{word}\n")
        log.info("recognition is %s", word)

    return keep


def keep_secrets(files: Mapping[str, Path]) -> Callable[[str], None]:
    """Return what fetches secrets anew.

    Args:
        files: A secret's ARN -> its file.
    """

    def keep(version: str) -> None:
        for arn, file in files.items():
            fetch(arn, file)
        log.info("the secrets are those of version %s", version)

    return keep


@click.command()
@click.option(
    "--outputs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The stack's outputs, JSON.",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the keys.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the gateways' key and certificate.",
)
@click.option(
    "--access-list", type=click.Path(path_type=Path), required=True, help="File for the list."
)
@click.option(
    "--recognition", type=click.Path(path_type=Path), required=True, help="File for the word."
)
def main(
    outputs: Path, keys: Path, certificate: Path, access_list: Path, recognition: Path
) -> None:
    """Fetch the secrets, then follow the switch and the secrets' version until SIGTERM."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    read = stack.read_file(outputs)
    gateway_tls, listed = read.secret_arns.gateway_tls, read.secret_arns.access_list
    version = read.secrets_version_parameter_name
    if gateway_tls is None or listed is None or version is None:
        sys.exit("the stack was made by an older program; create it anew")
    ssm = boto3.client("ssm", config=CALLS)
    files = {
        read.secret_arns.gateway_resume_keys: keys,
        gateway_tls: certificate,
        listed: access_list,
    }
    followers = (
        ParameterFollower(ssm, version, keep_secrets(files)),
        ParameterFollower(ssm, read.recognition_parameter_name, keep_word(recognition)),
    )
    while True:
        for follower in followers:
            follower.look()
        if stopped.wait(POLL_SECONDS):
            break


if __name__ == "__main__":
    main()
