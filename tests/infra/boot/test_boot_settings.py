"""Which boot settings are refused, and how the refusal reads."""

from typing import Any

import pytest

from infra.boot import MachineSettingsError
from infra.boot.environment import boot_environment
from infra.catalogue.models import parse_reference
from tests.support.boot_settings import BUNDLE, GATEWAY_IMAGE, arn, boot_settings, image_gateway


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"region": "Frankfurt"}, "region: 'Frankfurt'"),
        ({"environment": "Prod"}, "environment: 'Prod'"),
        ({"environment": 'x"; curl evil'}, "environment: "),
        ({"colour": "red"}, "colour: 'red' is not one of blue, green"),
        ({"kind": "whisper"}, "kind: 'whisper' is not one of nim, riva"),
        ({"image": "nvcr.io/nim/nvidia/x:latest"}, "image: 'nvcr.io/nim/nvidia/x:latest' names no"),
        ({"image": "nvcr.io/nim/nvidia/x"}, "image: 'nvcr.io/nim/nvidia/x' names no fixed version"),
        ({"image": "x y"}, "image: 'x y' is not an image reference"),
        ({"tags_selector": "ctc-streaming"}, "tags_selector: 'ctc-streaming'"),
        ({"riva_http_port": 8000}, "riva_http_port: 8000 is Triton's own port"),
        ({"riva_grpc_port": 9000}, "must all differ"),
        ({"gateway_port": 9400}, "gateway_port: 9400 is taken"),
        ({"gateway_port": 80}, "gateway_port: 80 is not a whole number from 1024 to 65535"),
        ({"gateway_port": "8080"}, "gateway_port: '8080' is not a whole number"),
        ({"drain_deadline_seconds": True}, "drain_deadline_seconds: True is not a whole number"),
        ({"drain_deadline_seconds": 3601}, "drain_deadline_seconds: 3601"),
        ({"ngc_key_secret_arn": "nvapi-x"}, "ngc_key_secret_arn: "),  # pragma: allowlist secret
        ({"gateway_artifact": "s3://bucket/x.whl"}, "gateway_artifact: 's3://bucket/x.whl'"),
        ({"gateway_artifact": BUNDLE, "gateway_artifact_sha256": None}, "gateway_artifact_sha256"),
        ({"gateway_artifact": GATEWAY_IMAGE}, "with an image; leave it out"),
        ({"gateway_artifact": "x:latest", "gateway_artifact_sha256": None}, "gateway_artifact: "),
        ({"model_cache_bucket": "Bucket"}, "model_cache_bucket: 'Bucket'"),
        ({"min_compute_capability": "8"}, "min_compute_capability: '8'"),
        ({"gateway_environment": {"APP_PORT": "1"}}, "APP_PORT is set by the machine itself"),
        ({"gateway_environment": {"RIVA_HOST": "x"}}, "RIVA_HOST is set by the machine itself"),
        ({"gateway_environment": {"app": "1"}}, "gateway_environment: the name 'app'"),
        ({"gateway_environment": {"APP_X": "two\nlines"}}, "gateway_environment.APP_X: "),
        ({"gateway_environment": {"APP_X": "ü"}}, "not one line of printable ASCII"),
        ({"gateway_environment": {"RIVA_API_KEY": "k"}}, "RIVA_API_KEY is named like a secret"),
        ({"gateway_environment": {"APP_AUTH_TOKENS": "k"}}, "named like a secret"),
        ({"gateway_secret_files": {"tokens": "the token"}}, "gateway_secret_files.tokens"),
        ({"gateway_secret_files": {"../x": arn("x")}}, "gateway_secret_files: the name '../x'"),
    ],
)
def test_refuses_a_value_with_its_field_and_what_is_accepted(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(MachineSettingsError) as refusal:
        boot_settings(**changes)
    assert any(named in problem for problem in refusal.value.problems), refusal.value.problems


def test_reports_every_problem_at_once() -> None:
    with pytest.raises(MachineSettingsError) as refusal:
        boot_settings(region="x", colour="red", image="x:latest", gateway_port=1)
    assert {problem.partition(":")[0] for problem in refusal.value.problems} == {
        "region",
        "colour",
        "image",
        "gateway_port",
    }


def test_does_not_repeat_a_value_that_may_be_a_secret() -> None:
    with pytest.raises(MachineSettingsError) as refusal:
        boot_settings(
            gateway_environment={
                "RIVA_API_KEY": "hunter2",  # pragma: allowlist secret
                "APP_X": "hunter2\n",
            }
        )
    assert "hunter2" not in str(refusal.value)


def test_lets_paths_and_lifetimes_be_named_after_a_secret() -> None:
    harmless = {"APP_AUTH_TOKENS_FILE": "/run/perch/files/tokens"}
    assert boot_settings(gateway_environment=harmless).gateway_environment == harmless


@pytest.mark.parametrize(
    "image",
    ["nvcr.io/nim/nvidia/x:1.5.0", f"nvcr.io/nim/nvidia/x@sha256:{'a' * 64}", GATEWAY_IMAGE],
)
def test_takes_images_pinned_by_tag_or_digest(image: str) -> None:
    assert boot_settings(image=image).image == image


def test_takes_tritons_http_port_for_a_classic_riva_server() -> None:
    assert boot_settings(kind="riva", riva_http_port=8000).riva_http_port == 8000


@pytest.mark.parametrize(("kind", "floor"), [("nim", "535"), ("riva", "570.86")])
def test_wants_the_driver_that_the_kind_needs(kind: str, floor: str) -> None:
    assert boot_environment(boot_settings(kind=kind))["PERCH_MIN_DRIVER"] == floor


def test_knows_a_gateway_image_from_a_bundle() -> None:
    assert image_gateway().gateway_is_image
    assert not boot_settings().gateway_is_image


def test_reads_the_tag_of_an_image() -> None:
    assert parse_reference("nvcr.io/nim/nvidia/x:1.5.0").tag == "1.5.0"
    assert parse_reference(f"nvcr.io/nim/nvidia/x@sha256:{'a' * 64}").tag is None
    assert parse_reference("registry:5000/x").tag is None
