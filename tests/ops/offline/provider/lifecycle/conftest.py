"""One resource at a time, made in moto without a program."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from ops.offline.engine.recording import Resource
from ops.offline.provider.lifecycle import Existing
from ops.offline.provider.provider import AwsProvider, ProviderConfig
from tests.ops.offline.live import api

REGION = "ap-south-1"
"""Of these tests alone."""

ACCOUNT = "123456789012"

Make: TypeAlias = Callable[..., Existing]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Make:
    """Create a resource by its handler; the test's name is in its URN, so that ids differ."""

    def create(token: str, inputs: Mapping[str, Any], name: str = "one") -> Existing:
        resource = Resource(
            urn=f"urn:pulumi:{request.node.name}::tests::{token}::{name}",
            type=token,
            name=name,
            parent="",
            custom=True,
            inputs=inputs,
        )
        provider = AwsProvider(api=api(), account=ACCOUNT, default=ProviderConfig(REGION, {}))
        state = provider.create(resource)
        return Existing(
            resource=resource,
            id=state.id,
            region=REGION,
            account=ACCOUNT,
            api=api(),
            inputs=inputs,
            outputs=state.outputs,
        )

    return create
