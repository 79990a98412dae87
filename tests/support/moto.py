"""AWS's simulator in the process of a test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

from ops.offline.simulator import moto_patches


@pytest.fixture(scope="package")
def aws_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """moto with the patches, once a folder: to end it takes seconds."""
    folder = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "offline")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "offline")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
        moto_patches.install()
        with mock_aws():
            yield


@contextmanager
def bare_aws() -> Iterator[None]:
    """Have moto for one test: an account of its own without what AWS itself keeps in each.

    Its 3,900 machine images and 1,400 policies take two seconds to make, and nobody who uses this
    looks at them.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "offline")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")
        with mock_aws():
            yield
