"""`perch images`: the gateway images that a stack asks for, and the ones that it may run.

Tags of a stack's repository cannot be moved, so nothing bears a tag that a stack asks for until it
was scanned: an image is pushed under a tag of its own, and accepted under the wanted one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError, one_line
from ops.console.options import stack_option
from ops.offline.errors import OfflineError
from ops.offline.recorder import record

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

Severity = Literal["critical", "high", "medium"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium")
"""Of findings, worst first, as far as anybody refuses an image for them."""
POLL_SECONDS: Final = 5.0
_REPOSITORY: Final = "aws:ecr/repository:Repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a stack asks for.

    Attributes:
        region: Where its repository is.
        repository: The repository's name.
        colours: Tag -> the colours that ask for it; none of a colour that takes a bundle.
    """

    region: str
    repository: str
    colours: dict[str, list[str]]


def wanted(stack: str) -> Wanted:
    """Read from the program of a stack which images it asks for, without AWS.

    Raises:
        ConfigurationError: the stack has no file, or something in it is wrong.
    """
    try:
        recording = record(stack)
    except OfflineError as error:
        raise ConfigurationError(str(error)) from None
    colours: dict[str, list[str]] = {}
    for colour, outputs in sorted(recording.outputs["colours"].items()):
        artifact = str(outputs["gateway_artifact"])
        if not artifact.startswith("s3://"):
            colours.setdefault(artifact.rpartition(":")[2], []).append(colour)
    return Wanted(
        region=recording.outputs["region"],
        repository=recording.one(_REPOSITORY).inputs["name"],
        colours=colours,
    )


class Repository:
    """The repository of a stack's gateway images.

    Args:
        name: Its name.
        api: ECR of the stack's account and region.
        every: Seconds between two looks.
    """

    def __init__(self, name: str, api: ECRClient, every: float) -> None:
        self._name = name
        self._api = api
        self._every = every

    def has(self, tag: str) -> bool:
        """Say whether an image bears a tag.

        Raises:
            CommandFailedError: There is no such repository, or AWS does not tell.
        """
        try:
            self._api.describe_images(repositoryName=self._name, imageIds=[{"imageTag": tag}])
        except self._api.exceptions.ImageNotFoundException:
            return False
        except FAILURES as error:
            raise self._failed(f"asked for {tag}", error) from None
        return True

    def findings(self, tag: str, seconds: float) -> dict[str, int]:
        """Wait until an image was scanned; return severity -> number of findings.

        Raises:
            CommandFailedError: The scan failed or is not done in time, or AWS does not tell.
        """
        end = time.monotonic() + seconds
        while True:
            status, counts = self._scan(tag)
            if status in {"COMPLETE", "ACTIVE"}:
                return counts
            if status not in {"PENDING", "IN_PROGRESS", "SCAN_NOT_FOUND"}:
                raise CommandFailedError(f"image {self._name}:{tag} was not scanned: {status}")
            if time.monotonic() >= end:
                raise CommandFailedError(
                    f"image {self._name}:{tag} is not scanned after {seconds:g} s: {status}"
                )
            time.sleep(self._every)

    def _scan(self, tag: str) -> tuple[str, dict[str, int]]:
        try:
            answer = self._api.describe_image_scan_findings(
                repositoryName=self._name, imageId={"imageTag": tag}
            )
        except self._api.exceptions.ScanNotFoundException:
            # It begins a moment after the push.
            return "SCAN_NOT_FOUND", {}
        except FAILURES as error:
            raise self._failed(f"asked for the scan of {tag}", error) from None
        status = answer["imageScanStatus"]
        counts = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {})
        name = str(status.get("status"))
        described = status.get("description")
        done = name in {"COMPLETE", "ACTIVE", "PENDING", "IN_PROGRESS"}
        return (name if done or not described else f"{name}, {described}"), {
            severity.lower(): number for severity, number in counts.items()
        }

    def accept(self, candidate: str, tag: str) -> None:
        """Give an image a second tag.

        Raises:
            CommandFailedError: There is no such image, or another one bears the tag already.
        """
        try:
            [image] = self._api.batch_get_image(
                repositoryName=self._name, imageIds=[{"imageTag": candidate}]
            )["images"]
            self._api.put_image(
                repositoryName=self._name, imageTag=tag, imageManifest=image["imageManifest"]
            )
        except self._api.exceptions.ImageAlreadyExistsException:
            return
        except self._api.exceptions.ImageTagAlreadyExistsException:
            raise CommandFailedError(
                f"{self._name}:{tag} is another image already, and tags here cannot be moved; "
                "ask for another tag in the stack's file"
            ) from None
        except FAILURES as error:
            raise self._failed(f"given {tag}", error) from None

    def _failed(self, done: str, error: Exception) -> CommandFailedError:
        return CommandFailedError(f"repository {self._name} cannot be {done}: {one_line(error)}")


def refused(counts: dict[str, int], worst: Severity) -> dict[str, int]:
    """Return the findings for which an image is refused: of this severity, or a worse one."""
    severities = SEVERITIES[: SEVERITIES.index(worst) + 1]
    return {severity: counts[severity] for severity in severities if counts.get(severity)}


@click.command("images")
@stack_option
@click.option("--missing", is_flag=True, help="Print the tags without an image alone, one a line.")
@click.option("--accept", "candidate", help="Tag of an image to accept under every missing tag.")
@click.option(
    "--refuse",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="Accept no image with a finding of this severity, or of a worse one.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=600.0,
    show_default=True,
    help="Seconds that the scan of an image may take.",
)
def command(
    stack: str, missing: bool, candidate: str | None, refuse: Severity, wait: float
) -> None:
    """Show which gateway images a stack asks for, and accept scanned ones.

    What a stack asks for stands in its file (blue.gateway_tag, green.gateway_tag). Credentials are
    those of this shell.
    """
    asked = wanted(stack)
    api = aws_clients.in_aws("ecr", stack, asked.region)
    repository = Repository(asked.repository, api, POLL_SECONDS)
    absent = [tag for tag in asked.colours if not repository.has(tag)]
    if candidate is not None:
        bad = refused(repository.findings(candidate, wait), refuse)
        if bad:
            counts = ", ".join(f"{number} {severity}" for severity, number in bad.items())
            raise CommandFailedError(
                f"image {asked.repository}:{candidate} has findings: {counts}; accepted: none of"
                " these"
            )
        for tag in absent:
            repository.accept(candidate, tag)
            click.echo(f"{asked.repository}:{tag} accepted")
    elif missing:
        for tag in absent:
            click.echo(tag)
    else:
        for tag, colours in asked.colours.items():
            state = "missing" if tag in absent else "there"
            click.echo(f"{asked.repository}:{tag} ({', '.join(colours)}): {state}")
