"""Which boot settings are refused, and how the refusal reads."""

from typing import Any

import pytest

from infra.boot import MachineSettingsError
from infra.boot.environment import boot_environment
from infra.boot.gateway import gateway_environment
from infra.catalogue.models import parse_reference
from tests.support.boot_settings import BUNDLE, GATEWAY_IMAGE, arn, boot_settings, image_gateway

OFFLINE = {"NIM_EXPORT_PATH": "/opt/nim/.cache/export", "NIM_DISABLE_MODEL_DOWNLOAD": "true"}


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
        ({"recogniser_environment": {"NIM_TAGS_SELECTOR": "x"}}, "NIM_TAGS_SELECTOR is set by the"),
        ({"recogniser_environment": {"NGC_API_KEY": "k"}}, "NGC_API_KEY is set by the machine"),
        ({"recogniser_environment": {"HF_TOKEN": "k"}}, "HF_TOKEN is named like a secret"),
        ({"recogniser_environment": {"nim": "1"}}, "recogniser_environment: the name 'nim'"),
        ({"recogniser_environment": {"NIM_X": "two\nlines"}}, "recogniser_environment.NIM_X: "),
        (
            {"recogniser_environment": {**OFFLINE, "NIM_EXPORT_PATH": "/opt/nim/export"}},
            "'/opt/nim/export' is not kept between machines",
        ),
        (
            {"recogniser_environment": {"NIM_EXPORT_PATH": "/opt/nim/.cache/export"}},
            "give NIM_DISABLE_MODEL_DOWNLOAD true as well",
        ),
        ({"rmirs": ("s3://bucket/x.rmir",)}, "rmirs: a NIM brings its own models"),
        ({"kind": "riva", "rmirs": ("x.rmir",)}, "rmirs: "),
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


MACHINE = ("gateway_port", "riva_grpc_port", "riva_http_port")


@pytest.mark.parametrize("port", [9400, 25888, 9401])
@pytest.mark.parametrize("kind", ["nim", "riva"])
def test_no_port_is_one_that_listens_on_the_machine(kind: str, port: int) -> None:
    for name in MACHINE:
        with pytest.raises(MachineSettingsError) as refusal:
            boot_settings(kind=kind, **{name: port})
        assert refusal.value.problems == (
            f"{name}: {port} is taken on the machine; leave out [9400, 9401, 25888]",
        )


@pytest.mark.parametrize("port", [8000, 8001, 8002])
def test_no_port_of_a_nim_is_one_that_triton_takes_in_its_container(port: int) -> None:
    for name in ("riva_grpc_port", "riva_http_port"):
        with pytest.raises(MachineSettingsError) as refusal:
            boot_settings(**{name: port})
        assert refusal.value.problems == (
            f"{name}: {port} is Triton's own port inside a NIM; leave out [8000, 8001, 8002]",
        )
    # The gateway is in another container, and a classic server has ports of its own.
    assert boot_settings(gateway_port=port).gateway_port == port
    for name in ("riva_grpc_port", "riva_http_port"):
        assert getattr(boot_settings(kind="riva", **{name: port}), name) == port


OWN_GATEWAY = """
APP_ADMIN_HOST APP_ADMIN_PORT APP_COLOUR APP_DRAIN_TIMEOUT_S APP_HOST APP_PORT APP_RECOGNITION_FILE
APP_SSL_CERT APP_SSL_KEY RIVA_HOST RIVA_HTTP_PORT RIVA_HTTP_READY_PATH RIVA_PORT
"""
OWN_RECOGNISER = """
NGC_API_KEY NIM_CACHE_PATH NIM_GRPC_API_PORT NIM_HTTP_API_PORT NIM_SSL_MODE NIM_TAGS_SELECTOR
NVIDIA_VISIBLE_DEVICES
"""
OWN = {
    "gateway_environment": OWN_GATEWAY.split(),
    "recogniser_environment": OWN_RECOGNISER.split(),
}
"""What the machine sets by itself, or would be wrong on one."""


@pytest.mark.parametrize(
    ("field", "name"), [(field, name) for field, names in OWN.items() for name in names]
)
def test_what_the_machine_decides_is_not_taken_from_anybody(field: str, name: str) -> None:
    with pytest.raises(MachineSettingsError) as refusal:
        boot_settings(**{field: {name: "x"}})
    assert refusal.value.problems == (
        f"{field}: {name} is set by the machine itself; leave it out",
    )


def test_whatever_a_machine_gives_its_gateway_is_its_own_but_a_folder_for_uploads() -> None:
    given = set(gateway_environment(image_gateway(gateway_environment={})))
    assert given - set(OWN["gateway_environment"]) == {"APP_UPLOAD_DIR"}


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *((f"APP_{word}", True) for word in ("PASSWORD", "PASSWD", "SECRET", "SECRETS", "TOKEN")),
        *((f"{word}_OF_X", True) for word in ("TOKENS", "CREDENTIAL", "CREDENTIALS", "API_KEY")),
        *((f"X_{word}", True) for word in ("APIKEY", "PRIVATE_KEYS", "RESUMEKEY", "RESUME_KEYS")),
        *((f"APP_MONKEY{end}", False) for end in ("", "S")),
        ("APP_TOKENISER", False),
        ("APP_KEY", False),
        *(
            (f"APP_TOKEN_{end}", False)
            for end in (
                *("FILE", "PATH", "DIR", "SECONDS", "MS", "ARN", "URL", "ISSUER", "AUDIENCE"),
                *("ALGORITHM", "REQUIRED", "HEADER"),
            )
        ),
        ("APP_TOKEN_FILES", True),
    ],
)
def test_a_name_says_whether_a_value_is_secret(name: str, *, is_secret: bool) -> None:
    for field in OWN:
        if not is_secret:
            assert getattr(boot_settings(**{field: {name: "x"}}), field) == {name: "x"}
            continue
        with pytest.raises(MachineSettingsError) as refusal:
            boot_settings(**{field: {name: "x"}})
        assert refusal.value.problems == (f"{field}: {name} is named like a secret; leave it out",)


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
            },
            recogniser_environment={
                "HF_TOKEN": "hunter2",  # pragma: allowlist secret
                "NIM_X": "hunter2\n",
            },
        )
    assert "hunter2" not in str(refusal.value)


def test_takes_an_export_that_is_kept_with_the_models() -> None:
    assert boot_settings(recogniser_environment=OFFLINE).recogniser_environment == OFFLINE


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


def test_what_a_machine_has_not_is_empty_and_not_missing() -> None:
    environment = boot_environment(image_gateway(ngc_key_secret_arn=None))
    assert environment["PERCH_GATEWAY_SHA256"] == ""
    assert environment["PERCH_NGC_SECRET"] == ""
    assert all(isinstance(value, str) for value in environment.values())


def test_knows_a_gateway_image_from_a_bundle() -> None:
    assert image_gateway().gateway_is_image
    assert not boot_settings().gateway_is_image


def test_reads_the_tag_of_an_image() -> None:
    assert parse_reference("nvcr.io/nim/nvidia/x:1.5.0").tag == "1.5.0"
    assert parse_reference(f"nvcr.io/nim/nvidia/x@sha256:{'a' * 64}").tag is None
    assert parse_reference("registry:5000/x").tag is None
