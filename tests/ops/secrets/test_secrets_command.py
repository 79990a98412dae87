"""`perch secrets` against the Secrets Manager and SSM that moto plays.

That gateways take what machines fetch, under live streams, is in tests/app and in the drills.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_ssm import SSMClient

from app.gateway.settings.gateway import GatewaySettings
from infra.authority import first_identity
from ops.secrets import command as secrets_command
from ops.secrets import values as secret_values
from ops.secrets.command import RESUME_KEYS, TOKEN_SECONDS, rotate_resume_keys
from ops.secrets.values import SecretValues
from ops.stack import StackOutputs
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS

VERSION = "/perch/local/secrets-version"
NAMES = ("ngc_api_key", "gateway_tls", "tls_authority", RESUME_KEYS)


@dataclass
class Account:
    """A stack's secrets."""

    secrets: SecretsManagerClient
    ssm: SSMClient
    folder: Path
    outputs: dict[str, Any]

    def put(self, name: str, value: str) -> Result:
        told = ["put", "--state-dir", str(self.folder), name]
        return CliRunner().invoke(secrets_command.command, told, input=value)

    def held(self, name: str) -> str:
        return self.secrets.get_secret_value(SecretId=self.outputs["secret_arns"][name])[
            "SecretString"
        ]

    def values(self) -> SecretValues:
        outputs = StackOutputs.model_validate_json(json.dumps(self.outputs))
        return SecretValues("local", outputs, self.secrets, self.ssm)

    @property
    def version(self) -> str:
        return self.ssm.get_parameter(Name=VERSION)["Parameter"]["Value"]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with bare_aws():
        secrets = boto3.client("secretsmanager", region_name="us-east-2")
        ssm = boto3.client("ssm", region_name="us-east-2")
        arns = {name: secrets.create_secret(Name=f"x-{name}")["ARN"] for name in NAMES}
        ssm.put_parameter(Name=VERSION, Value="0", Type="String")
        outputs = OUTPUTS | {"secret_arns": OUTPUTS["secret_arns"] | arns}
        (tmp_path / "outputs.json").write_text(json.dumps(outputs))
        yield Account(secrets, ssm, tmp_path, outputs)


def test_a_value_from_standard_input_is_put_and_every_machine_told(account: Account) -> None:
    done = account.put("ngc_api_key", "nvapi-made-up-for-a-test\n")
    assert done.exit_code == 0, done.output
    assert account.held("ngc_api_key") == "nvapi-made-up-for-a-test"
    assert account.version != "0"
    assert "made-up" not in done.output
    assert "perch rotate --stack local" in done.output


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ngc_api_key", "\n", "nothing came"),
        ("ngc_api_key", "two words\n", "not one word"),
        ("gateway_tls", "no-pem-at-all\n", "0 private keys"),
        (RESUME_KEYS, "x" * 65_537, "over 65536 bytes"),
    ],
)
def test_what_no_machine_could_use_is_refused_unquoted_and_nothing_is_touched(
    account: Account, name: str, value: str, said: str
) -> None:
    done = account.put(name, value)
    assert done.exit_code == 2
    assert said in done.output
    assert value.strip() == "" or value.strip() not in done.output
    assert account.version == "0"
    assert account.values().read(name) is None


def test_an_identity_of_ones_own_is_taken(account: Account) -> None:
    assert account.put("gateway_tls", first_identity("local")).exit_code == 0


def test_a_secret_that_the_stack_has_not_is_named(account: Account) -> None:
    done = account.put("riva_tls_ca", "x")
    assert done.exit_code == 1
    assert "has no secret riva_tls_ca" in done.output


@dataclass
class Gateways:
    """Gateways that follow as late as they may: each had the keys of any step till its end."""

    account: Account
    steps: list[list[str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.steps.append(self.account.held(RESUME_KEYS).split())
        self.versions.append(self.account.version)
        self.waits.append(seconds)


def rotated(account: Account, before: str) -> Gateways:
    account.values().put(RESUME_KEYS, before)
    gateways = Gateways(account)
    rotate_resume_keys(
        account.values(),
        follow_seconds=11,
        token_seconds=120,
        say=lambda _: None,
        sleep=gateways.sleep,
    )
    return gateways


@pytest.mark.parametrize("before", ["old-key", "old-key\nolder-key"])
def test_no_token_is_refused_while_keys_are_rotated(account: Account, before: str) -> None:
    """Of two steps one after the other, any gateway may still be at the first."""
    gateways = rotated(account, before)
    states = [before.split(), *gateways.steps]
    for earlier, later in itertools.pairwise(states):
        # Whoever has followed signs with the first; who has not must accept it, and the reverse.
        if later is not states[-1]:
            assert later[0] in earlier
        else:
            assert later[0] == earlier[0]
        assert earlier[0] in later
    [new] = gateways.steps[-1]
    assert len(new) == 64
    assert new not in before
    # All follow before any signs with it, and tokens end before their key goes.
    assert gateways.waits == [11, 131, 0]
    assert len(set(gateways.versions)) == 3


def test_a_rotation_that_was_cut_off_goes_on_without_losing_a_key(account: Account) -> None:
    account.values().put(RESUME_KEYS, "old-key")

    def cut_off(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate_resume_keys(
            account.values(), follow_seconds=1, token_seconds=1, say=print, sleep=cut_off
        )
    left = account.held(RESUME_KEYS)
    assert left.split()[0] == "old-key"
    gateways = rotated(account, left)
    assert set(left.split()) < set(gateways.steps[0])
    assert len(gateways.steps[-1]) == 1


def test_a_stack_without_keys_gets_its_first(account: Account) -> None:
    gateways = Gateways(account)
    rotate_resume_keys(
        account.values(), follow_seconds=1, token_seconds=1, say=print, sleep=gateways.sleep
    )
    [[key]] = gateways.steps
    assert len(key) == 64


def test_no_key_is_shown(account: Account) -> None:
    account.values().put(RESUME_KEYS, "old-key-of-a-test")
    told = ["rotate", "--state-dir", str(account.folder), "--token-seconds", "0", RESUME_KEYS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secret_values, "follow_seconds", lambda **_: 0.0)
        done = CliRunner().invoke(secrets_command.command, told)
    assert done.exit_code == 0, done.output
    assert "the new key signs" in done.output
    assert account.held(RESUME_KEYS) not in done.output
    assert "old-key" not in done.output


def test_tokens_are_good_for_as_long_as_is_waited() -> None:
    assert GatewaySettings.model_fields["app_resume_window_s"].default == TOKEN_SECONDS
