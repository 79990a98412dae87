"""Secrets of a stack's configuration: in Secrets Manager alone, whatever a stack's program tells.

All four stacks as delivered, with each secret planted. Looked at is what the program registers as
it may be shown, the user data of its machines unpacked, what a preview says of it, its outputs, and
all that the simulated AWS has afterwards but the secrets' own values. What the real engine keeps is
looked at in tests/engine; what AWS does with a value once it has it is not shown here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from infra.boot.render import read_user_data
from infra.config.machine import OWN_SECRETS, SECRETS
from infra.security.first_secrets import NO_ACCESS
from ops.offline.applier import IN_PROCESS, AppliedStack, apply
from ops.offline.diff import digest, rendering
from ops.offline.diff.compare import EMPTY, compare
from tests.acceptance.leaks.moto_state import moto_state
from tests.support.leaks.search import Search
from tests.support.leaks.secrets import Secret, made
from tests.support.stacks import ROOT, SAMPLES, STACKS, sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("moto"),
    pytest.mark.usefixtures("aws_in_process"),
]


@pytest.fixture(scope="module")
def planted() -> dict[str, Secret]:
    return {name: made(name) for name in SECRETS}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stacks as delivered, each with every secret in its file."""
    folder = tmp_path_factory.mktemp("stacks")
    for name in STACKS:
        text = (SAMPLES / f"Pulumi.{name}.yaml").read_text()
        text += "".join(f"  perch:{key}: {{secure: none}}\n" for key in SECRETS)
        (folder / f"Pulumi.{name}.yaml").write_text(text)
    (folder / "Pulumi.yaml").write_text(f"name: perch\nruntime: python\nmain: {ROOT / 'infra'}\n")
    return folder


@pytest.fixture(scope="module", params=STACKS)
def applied(request: pytest.FixtureRequest, root: Path, planted: dict[str, Secret]) -> AppliedStack:
    stack = str(request.param)
    overrides: dict[str, object] = {key: secret.text for key, secret in planted.items()}
    if "zone_id" in sample(stack).config["perch:domain"]:
        zone = boto3.client("route53", region_name="us-east-1").create_hosted_zone(
            Name="example.com", CallerReference=stack
        )
        overrides["domain"] = {"zone_id": zone["HostedZone"]["Id"].rpartition("/")[2]}
    return apply(stack, endpoint_url=IN_PROCESS, root=root, overrides=overrides)


def texts(applied: AppliedStack) -> Iterator[tuple[str, str | bytes]]:
    """Yield what the run tells anybody, each with a name."""
    recording = applied.recording
    document = recording.as_document()
    yield "the recording", json.dumps(document, default=str)
    yield "the outputs", json.dumps(recording.masked_outputs, default=str)
    for said in recording.diagnostics:
        yield "a message", said.message
    for template in recording.of_type("aws:ec2/launchTemplate:LaunchTemplate"):
        yield f"user data of {template.name}", read_user_data(template.inputs["userData"])
    for base, head in ((EMPTY, document), (document, EMPTY)):
        difference = compare(base, head, stack=recording.stack, names=("before", "after"))
        yield "a preview", rendering.text(difference)
        yield "a preview in Markdown", rendering.markdown(difference)
        yield "a preview in JSON", json.dumps(digest.digest(difference, seconds=1.0), default=str)
    for way, text in moto_state():
        yield f"moto's state at {way}", text


def test_no_secret_of_a_stack_is_in_anything_that_its_program_tells(
    applied: AppliedStack, planted: dict[str, Secret]
) -> None:
    search = Search(planted.values())
    found, read = search.found_in(texts(applied))
    assert not found
    assert read > 100_000, "hardly anything was looked at"
    # They have arrived, so there was something to be seen.
    client = boto3.client("secretsmanager", region_name=applied.outputs["region"])
    arns = applied.outputs["secret_arns"]
    assert arns["gateway_resume_keys"]
    for name, arn in arns.items():
        if arn is None:
            continue  # nothing in this stack reads it
        held = client.get_secret_value(SecretId=arn)["SecretString"]
        if name in OWN_SECRETS:
            # Nobody gives it: it begins without a key, so there is nothing to be planted.
            assert held == NO_ACCESS
            continue
        assert search.found(held), f"{name} did not reach its store"


def test_a_value_in_a_tag_would_be_found_in_motos_state() -> None:
    secret = made("planted")
    boto3.client("ec2", region_name="us-east-2").create_vpc(
        CidrBlock="10.0.0.0/16",
        TagSpecifications=[
            {"ResourceType": "vpc", "Tags": [{"Key": "note", "Value": secret.text}]}
        ],
    )
    search = Search([secret])
    found, _ = search.found_in(moto_state())
    assert [way for way in found if "vpc" in way.lower() or "tag" in way.lower()], found
