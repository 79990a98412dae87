"""What a machine's host does for its gateway, done for the gateways of a local stack.

``python -m ops.local.host --outputs FILE --keys FILE --recognition FILE`` asks the AWS API that the
environment names: once for the keys of resume tokens, then on and on for what the switch of
recognition says. Gateways find both in files and need no credentials, as on a machine in AWS.
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
    from mypy_boto3_ssm import SSMClient

POLL_SECONDS: Final = 0.5
log = logging.getLogger("perch.host")


def fetch_keys(arn: str, file: Path) -> None:
    """Put a secret's text into a file that only its owner can read.

    Raises:
        BotoCoreError: The API cannot be asked.
        ClientError: It has no such secret, or no value of it.
    """
    value = boto3.client("secretsmanager", config=CALLS).get_secret_value(SecretId=arn)
    write_private(file, value["SecretString"])


class ParameterFollower:
    """Keeps what a parameter says in a file; without an answer the last word stays.

    Args:
        api: Where the parameter is.
        name: Its name.
        file: The file, replaced as a whole and only when the word is another.
    """

    def __init__(self, api: SSMClient, name: str, file: Path) -> None:
        self._api = api
        self._name = name
        self._file = file
        self._word = ""
        self._is_in_trouble = False

    def look(self) -> None:
        """Ask once."""
        try:
            word = self._api.get_parameter(Name=self._name)["Parameter"]["Value"]
        except (BotoCoreError, ClientError) as error:
            # Once a trouble, not once a question.
            if not self._is_in_trouble:
                log.warning("%s is not to be had, the last word stays: %s", self._name, error)
            self._is_in_trouble = True
            return
        self._is_in_trouble = False
        if word != self._word:
            write_private(self._file, f"{word}\n")
            self._word = word
            log.info("recognition is %s", word)


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
    help="File for the keys, written once.",
)
@click.option(
    "--recognition", type=click.Path(path_type=Path), required=True, help="File for the word."
)
def main(outputs: Path, keys: Path, recognition: Path) -> None:
    """Fetch the keys, then follow the switch until SIGTERM."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    read = stack.read_file(outputs)
    fetch_keys(read.secret_arns.gateway_resume_keys, keys)
    follower = ParameterFollower(
        boto3.client("ssm", config=CALLS), read.recognition_parameter_name, recognition
    )
    follower.look()
    while not stopped.wait(POLL_SECONDS):
        follower.look()


if __name__ == "__main__":
    main()
