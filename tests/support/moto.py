"""AWS's simulator in the process of a test."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from ops.offline.simulator import moto_patches

BARE: Final = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
"""Settings that leave out what AWS itself keeps in each account.

Its 3,900 machine images and 1,400 policies take two seconds to make, and nobody who uses this looks
at them.
"""


@pytest.fixture(scope="package")
def aws_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """moto with the patches, once a folder, and without what AWS itself keeps in an account."""
    folder = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "offline")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "offline")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
        for name, value in BARE.items():
            patch.setenv(name, value)
        moto_patches.install()
        with mock_aws():
            yield


@contextmanager
def bare_aws() -> Iterator[None]:
    """Have moto for one test: an account of its own without what AWS itself keeps in each."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "offline")
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in BARE.items():
            patch.setenv(name, value)
        with mock_aws():
            yield


@pytest.fixture(scope="session", autouse=True)
def aws_models_once() -> Iterator[None]:
    """Decode each of botocore's descriptions of AWS once a process.

    It keeps them a session, and each command has a session of its own: EC2's take a third of a
    second. Nobody changes them: botocore gives the same ones to all clients of a session.
    """

    @functools.cache
    def decoded(path: str) -> Any:  # noqa: ANN401 - whatever JSON says
        return load_file(JSONFileLoader(), path)

    load_file = JSONFileLoader.load_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _self, path: decoded(path))
        yield
