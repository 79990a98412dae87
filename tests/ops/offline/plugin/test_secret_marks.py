"""What the provider answers keeps the mark of a secret: asked over gRPC as the engine asks it.

The engine marks again what it gave as a secret under the same name, so a scenario on the engine
does not see a mark that is lost here; one that another output holds, it could not mark.
"""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from ops.offline.engine import wire
from ops.offline.plugin.service import serve
from ops.offline.provider.api import IN_PROCESS, AwsApi

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

REGION = "eu-central-1"
URN = "urn:pulumi:one::demo::"
VERSION = f"{URN}aws:secretsmanager/secretVersion:SecretVersion::key"
TEXT = {"secretString": "planted"}  # pragma: allowlist secret


@pytest.fixture(scope="module")
def provider() -> Iterator[Any]:
    """A client of the provider, configured as the engine configures it."""
    api = AwsApi(IN_PROCESS)
    with serve(api, REGION) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = provider_pb2_grpc.ResourceProviderStub(channel)
        arguments = wire.encode({"region": REGION})
        client.Configure(provider_pb2.ConfigureRequest(args=arguments), timeout=10)
        yield client


@pytest.fixture(scope="module")
def made(provider: Any) -> tuple[dict[str, str], Any]:  # noqa: ANN401 - a stub, made at run time
    """A secret's version: its inputs but for the text, and the answer to its creation."""
    urn = f"{URN}aws:secretsmanager/secret:Secret::key"
    secret = provider.Create(
        provider_pb2.CreateRequest(urn=urn, properties=wire.encode({"name": "planted"})), timeout=10
    )
    inputs = {"secretId": secret.id}
    properties = wire.encode({**inputs, **TEXT}, TEXT)
    answer = provider.Create(
        provider_pb2.CreateRequest(urn=VERSION, properties=properties), timeout=10
    )
    return inputs, answer


def marked(properties: Any) -> tuple[str, bool]:  # noqa: ANN401 - protobuf's
    """The secret's text in an answer, and whether it is marked."""
    read = wire.decode(properties)
    return read.values["secretString"], ("secretString",) in read.secrets


def test_what_was_created_is_marked(made: tuple[dict[str, str], Any]) -> None:
    _, answer = made
    assert marked(answer.properties) == ("planted", True)


def test_what_was_read_is_marked(provider: Any, made: tuple[dict[str, str], Any]) -> None:  # noqa: ANN401 - a stub
    inputs, answer = made
    seen = provider.Read(
        provider_pb2.ReadRequest(
            id=answer.id,
            urn=VERSION,
            properties=answer.properties,
            inputs=wire.encode({**inputs, **TEXT}, TEXT),
        ),
        timeout=10,
    )
    assert marked(seen.properties) == ("planted", True)


def test_a_look_up_of_something_made_up_is_marked(provider: Any) -> None:  # noqa: ANN401 - a stub
    # pragma: allowlist nextline secret
    token = "aws:secretsmanager/getRandomPassword:getRandomPassword"
    answer = provider.Invoke(provider_pb2.InvokeRequest(tok=token), timeout=10)
    assert ("randomPassword",) in wire.decode(getattr(answer, "return")).secrets
