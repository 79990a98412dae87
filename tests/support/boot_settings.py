"""Boot settings for the tests: one set that works, and a strategy for all that do."""

from typing import Any

from hypothesis import strategies as st

from infra.boot import MachineSettings, machine_settings

REGION = "eu-central-1"
NIM = "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0"
RIVA = "nvcr.io/nvidia/riva/riva-speech:2.19.0"
GATEWAY_IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/perch/gateway:0.1.0"
BUNDLE = "s3://perch-artefacts/gateway/perch-gateway-0.1.0.tar.gz"


def arn(name: str) -> str:
    """The ARN of a secret with that name."""
    return f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{name}-AbCdEf"


def boot_settings(**changes: Any) -> MachineSettings:  # noqa: ANN401 - any field
    """Settings of a blue NIM machine with a bundled gateway, but for the changes."""
    values: dict[str, Any] = {
        "region": REGION,
        "environment": "dev",
        "colour": "blue",
        "image": NIM,
        "tags_selector": "mode=str,vad=silero,type=default",
        "auto_scaling_group_name": "perch-dev-blue",
        "ngc_key_secret_arn": arn("perch/dev/ngc-key"),
        "gateway_tls_secret_arn": arn("perch/dev/gateway-tls"),
        "gateway_secret_files": {
            "auth-tokens": arn("perch/dev/tokens"),
            "riva-ca.pem": arn("perch/dev/riva-ca"),
        },
        "gateway_environment": {"LOG_LEVEL": "INFO"},
        "recognition_parameter": "/perch/dev/recognition",
        "secrets_version_parameter": "/perch/dev/secrets-version",
        "gateway_artifact": BUNDLE,
        "gateway_artifact_sha256": "0123456789abcdef" * 4,
        "model_cache_bucket": "perch-dev-models",
        "artefact_bucket": "perch-artefacts",
        "gateway_log_group": "/perch/dev/blue/gateway",
        "asr_log_group": "/perch/dev/blue/asr",
        "system_log_group": "/perch/dev/blue/host",
    }
    return machine_settings(**(values | changes))


def image_gateway(**changes: Any) -> MachineSettings:  # noqa: ANN401 - any field
    """The same with the gateway in a container."""
    image = {"gateway_artifact": GATEWAY_IMAGE, "gateway_artifact_sha256": None}
    return boot_settings(**(image | changes))


def with_tls(mode: str, **changes: Any) -> MachineSettings:  # noqa: ANN401 - any field
    """The same with a recogniser that is asked by TLS."""
    secret = arn("perch/dev/recogniser-tls")
    own = {"recogniser_tls": mode, "recogniser_tls_secret_arn": secret}
    return boot_settings(**(own | changes))


def classic_riva(**changes: Any) -> MachineSettings:  # noqa: ANN401 - any field
    """The same with a classic Riva server."""
    return boot_settings(**({"kind": "riva", "image": RIVA} | changes))


_label = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_secret = st.from_regex(r"[A-Za-z0-9/_+=.@-]{1,40}", fullmatch=True).map(arn)
# Names that no rule takes for a secret's.
_plain_names = st.from_regex(r"(LOG|WS|AUDIO)_[B-H]{1,12}", fullmatch=True)
_printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
_sha256 = st.text("0123456789abcdef", min_size=64, max_size=64)
_tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(
    lambda tag: tag != "latest"
)
_log_group = st.from_regex(r"[A-Za-z0-9_./#-]{1,60}", fullmatch=True)
_bucket = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,30}[a-z0-9]", fullmatch=True)
_ports = st.lists(st.integers(10_000, 20_000), min_size=3, max_size=3, unique=True)


@st.composite
def any_settings(draw: st.DrawFn) -> MachineSettings:
    """Every kind of settings that are accepted, with values as awkward as the rules let through."""
    gateway, grpc, http = draw(_ports)
    bundled = draw(st.booleans())
    return boot_settings(
        environment=draw(_label),
        colour=draw(st.sampled_from(["blue", "green"])),
        kind=draw(st.sampled_from(["nim", "riva"])),
        image=f"nvcr.io/nim/nvidia/{draw(_label).replace('--', '-x')}:{draw(_tags)}",
        gateway_port=gateway,
        riva_grpc_port=grpc,
        riva_http_port=http,
        ngc_key_secret_arn=draw(st.none() | _secret),
        gateway_secret_files=draw(
            st.dictionaries(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True), _secret)
        ),
        gateway_environment=draw(st.dictionaries(_plain_names, _printable, max_size=8)),
        recogniser_environment=draw(st.dictionaries(_plain_names, _printable, max_size=4)),
        gateway_artifact=BUNDLE if bundled else GATEWAY_IMAGE,
        gateway_artifact_sha256=draw(_sha256) if bundled else None,
        model_cache_bucket=draw(_bucket),
        gateway_log_group=draw(_log_group),
        drain_deadline_seconds=draw(st.integers(1, 3600)),
    )
