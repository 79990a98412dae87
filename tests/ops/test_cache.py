"""`perch cache` against the S3 that moto plays."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from ops import cache
from tests.support.moto import bare_aws
from tests.support.outputs import COLOUR, OUTPUTS

BUCKET = "perch-models"
OURS, OTHER, HALF = "nvidia-l4/parakeet-1.5.0-a", "nvidia-l4/parakeet-1.4.0-b", "nvidia-a10g/c"


@pytest.fixture
def s3() -> Iterator[Any]:
    """A bucket with whole models of the colours' image, of another, and with some half saved."""
    with bare_aws():
        api = boto3.client("s3", region_name="us-east-2")
        where: Any = {"LocationConstraint": "us-east-2"}
        api.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        for name, image in ((OURS, "elsewhere/parakeet:1.5.0"), (OTHER, "nim/parakeet:1.4.0")):
            said = f"archive=x.tar\nbytes=9\nimage={image}\nselector=mode=str\n"
            api.put_object(Bucket=BUCKET, Key=f"models/{name}/x.tar", Body=b"123456789")
            api.put_object(Bucket=BUCKET, Key=f"models/{name}/READY", Body=said.encode())
        api.put_object(Bucket=BUCKET, Key=f"models/{HALF}/x.tar", Body=b"1")
        api.put_object(Bucket=BUCKET, Key="boot-failures/i-1", Body=b"not ours")
        yield api


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    green = COLOUR | {"image": "nim/parakeet:1.6.0"}
    changes = {"model_cache_bucket": BUCKET, "colours": {"blue": COLOUR, "green": green}}
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS | changes))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    name, *rest = arguments
    return CliRunner().invoke(cache.command, [name, "--state-dir", str(folder), *rest])


def keys(s3: Any) -> list[str]:  # noqa: ANN401 - a client
    return [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


@pytest.mark.usefixtures("s3")
def test_what_is_kept_is_listed_with_whose_it_is(folder: Path) -> None:
    half, other, ours = run(folder, "list").stdout.splitlines()
    assert half.startswith(f"{HALF}  0.00 GiB, ")
    assert half.endswith("; not whole: it has no READY, or is being saved now")
    assert other.endswith("; of no colour: nim/parakeet:1.4.0, mode=str")
    assert ours.startswith(f"{OURS}  ")
    assert ours.endswith("; image and selector of blue")


def test_models_of_no_colour_are_removed_and_nothing_else(s3: Any, folder: Path) -> None:  # noqa: ANN401 - a client
    before = keys(s3)
    done = run(folder, "remove", OTHER)
    assert done.stdout == f"removed {OTHER}, 0.00 GiB\n"
    assert keys(s3) == [key for key in before if OTHER not in key]


def test_models_that_a_colour_may_start_from_stay_unless_that_is_meant(
    s3: Any,  # noqa: ANN401 - a client
    folder: Path,
) -> None:
    before = keys(s3)
    refused = run(folder, "remove", OURS)
    assert (refused.exit_code, keys(s3)) == (1, before)
    assert f"blue may start from {OURS}: without it the next machine takes" in refused.stderr
    assert run(folder, "remove", OURS, "--even-in-use").exit_code == 0
    assert not [key for key in keys(s3) if OURS in key]


def test_a_name_that_is_not_kept_is_refused_with_those_that_are(s3: Any, folder: Path) -> None:  # noqa: ANN401 - a client
    refused = run(folder, "remove", "x")
    assert refused.exit_code == 2
    assert f"there are no models 'x'; kept: {HALF}, {OTHER}, {OURS}" in refused.stderr
    for key in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    said = "no models are kept: the next machine makes them\n"
    assert run(folder, "list").stdout == said


def test_a_bucket_that_is_not_there_is_named(s3: Any, folder: Path) -> None:  # noqa: ANN401 - a client
    outputs = json.loads((folder / "outputs.json").read_text())
    (folder / "outputs.json").write_text(json.dumps(outputs | {"model_cache_bucket": "perch-gone"}))
    refused = run(folder, "list")
    assert (refused.exit_code, s3 is not None) == (1, True)
    assert "bucket perch-gone of stack local cannot be read: " in refused.stderr
