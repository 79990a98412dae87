"""`perch images` against the ECR that moto plays, for the stack dev as it is committed.

Not proved: how long AWS scans, and that its scan finds what it should.
"""

import json
from collections.abc import Iterator
from functools import cache

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner, Result
from mypy_boto3_ecr import ECRClient

from ops import images
from ops.console.errors import CommandFailedError
from ops.offline.recorder import record
from tests.support.moto import bare_aws

pytestmark = pytest.mark.xdist_group("infra-program")

NAME, TAG, CANDIDATE = "perch-dev-gateway", "0.1.0", "candidate-0123abc"


@pytest.fixture(autouse=True, scope="module")
def recorded_once() -> Iterator[None]:
    """Run the program of a stack for the first command alone: it asks for the same ever after."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.images.record", cache(record))
        yield


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[ECRClient]:
    """ECR with the stack's repository, and one image that has just been pushed."""
    monkeypatch.setattr(images, "POLL_SECONDS", 0.0)
    with bare_aws():
        api = boto3.client("ecr", region_name="us-east-2")
        api.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
        push(api, CANDIDATE)
        yield api


def push(api: ECRClient, tag: str, config: str = "a") -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": f"sha256:{config * 64}", "size": 1, "mediaType": "x"},
        "layers": [],
    }
    api.put_image(repositoryName=NAME, imageTag=tag, imageManifest=json.dumps(manifest))


def scanned(
    monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, dict[str, int]]
) -> list[tuple[str, dict[str, int]]]:
    """Have scans answer so, one after the other."""
    left = list(answers)
    monkeypatch.setattr(images.Repository, "_scan", lambda _self, _tag: left.pop(0))
    return left


def run(*arguments: str) -> Result:
    return CliRunner().invoke(images.command, ["--stack", "dev", *arguments])


def tags(api: ECRClient) -> set[str]:
    listed = api.list_images(repositoryName=NAME)["imageIds"]
    return {one["imageTag"] for one in listed if "imageTag" in one}


def test_says_which_tags_the_stack_asks_for_and_which_are_missing(ecr: ECRClient) -> None:
    assert run().stdout == f"{NAME}:{TAG} (blue, green): missing\n"
    assert run("--missing").stdout == f"{TAG}\n"
    push(ecr, TAG, "b")
    assert run().stdout == f"{NAME}:{TAG} (blue, green): there\n"
    assert run("--missing").stdout == ""


def test_an_image_is_accepted_once_its_scan_is_done(
    ecr: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = scanned(
        monkeypatch,
        *(("SCAN_NOT_FOUND", {}), ("IN_PROGRESS", {}), ("COMPLETE", {"medium": 3, "low": 9})),
    )
    assert run("--accept", CANDIDATE).stdout == f"{NAME}:{TAG} accepted\n"
    assert left == []
    assert tags(ecr) == {CANDIDATE, TAG}


@pytest.mark.parametrize(
    ("counts", "option", "said"),
    [
        ({"critical": 1, "high": 2}, "high", "has findings: 1 critical, 2 high; accepted: none"),
        ({"critical": 1, "high": 2}, "critical", "has findings: 1 critical; accepted: none"),
        ({"medium": 4}, "medium", "has findings: 4 medium; accepted: none"),
    ],
)
def test_an_image_with_bad_findings_gets_no_tag(
    ecr: ECRClient,
    monkeypatch: pytest.MonkeyPatch,
    counts: dict[str, int],
    option: str,
    said: str,
) -> None:
    scanned(monkeypatch, ("COMPLETE", counts))
    done = run("--accept", CANDIDATE, "--refuse", option)
    assert done.exit_code == 1
    assert said in done.output
    assert tags(ecr) == {CANDIDATE}


@pytest.mark.usefixtures("ecr")
def test_a_scan_that_failed_or_never_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned(monkeypatch, ("UNSUPPORTED_IMAGE", {}))
    assert "was not scanned: UNSUPPORTED_IMAGE" in run("--accept", CANDIDATE).output
    scanned(monkeypatch, ("IN_PROGRESS", {}))
    waited = run("--accept", CANDIDATE, "--wait", "0")
    assert "is not scanned after 0 s: IN_PROGRESS" in waited.output


def test_a_tag_is_never_moved_to_another_image(ecr: ECRClient) -> None:
    """moto moves tags that cannot be moved, so AWS's refusal is played."""
    with Stubber(ecr) as answers:
        answers.add_response("batch_get_image", {"images": [{"imageManifest": "{}"}]})
        answers.add_client_error("put_image", "ImageTagAlreadyExistsException")
        with pytest.raises(CommandFailedError, match="tags here cannot be moved"):
            images.Repository(NAME, ecr, 0.0).accept(CANDIDATE, TAG)


def test_aws_own_answer_of_a_scan_is_read(ecr: ECRClient) -> None:
    ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": CANDIDATE})
    counts = images.Repository(NAME, ecr, 0.0).findings(CANDIDATE, 0)
    assert counts
    assert set(counts) <= {"critical", "high", "medium", "low", "informational", "undefined"}
    assert images.refused(counts, "medium") == {
        key: counts[key] for key in ("critical", "high", "medium") if key in counts
    }


def test_a_repository_that_is_not_there_is_said_in_a_sentence(ecr: ECRClient) -> None:
    ecr.delete_repository(repositoryName=NAME, force=True)
    done = run()
    assert done.exit_code == 1
    assert f"repository {NAME} cannot be asked for {TAG}" in done.output
