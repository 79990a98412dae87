"""`perch token` against the Secrets Manager and Systems Manager that moto plays.

Not proved: that AWS refuses to move a stage from a version that it is not on, as moto does and its
API reference says (docs/unverified.md); that machines follow (`tests/infra/boot`).
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner, Result
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_ssm import SSMClient

from app.credentials.access_list import AccessList, KeyEntry
from app.credentials.api_key import KEY_PATTERN, ApiKey
from infra.security.first_secrets import NO_ACCESS
from ops.secrets.values import VERSION_PATTERN
from ops.token import changes
from ops.token.command import command
from ops.token.store import AccessListStore
from tests.support.keys import key_entry
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS

NAME = OUTPUTS["secrets_version_parameter_name"]


@pytest.fixture
def ssm() -> Iterator[SSMClient]:
    """Systems Manager, with the parameter as the program makes it."""
    with bare_aws():
        api = boto3.client("ssm", region_name="us-east-2")
        api.put_parameter(Name=NAME, Value="0", Type="String", AllowedPattern=VERSION_PATTERN)
        yield api


@pytest.fixture
def secrets(ssm: SSMClient) -> SecretsManagerClient:
    """Secrets Manager with the empty list."""
    del ssm
    api = boto3.client("secretsmanager", region_name="us-east-2")
    api.create_secret(Name="list", SecretString=NO_ACCESS)
    return api


@pytest.fixture
def folder(secrets: SecretsManagerClient, tmp_path: Path) -> Path:
    """State folder of a stack with that list."""
    arn = secrets.describe_secret(SecretId="list")["ARN"]
    outputs = {**OUTPUTS, "secret_arns": {**OUTPUTS["secret_arns"], "access_list": arn}}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))
    return tmp_path


def run(folder: Path, name: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, [name, "--state-dir", str(folder), *arguments])


def made(folder: Path, *arguments: str) -> ApiKey:
    done = run(folder, "create", *(arguments or ("ann",)))
    assert done.exit_code == 0, done.stderr
    return ApiKey.parse(done.stdout.strip())


def stored(secrets: SecretsManagerClient) -> AccessList:
    value = secrets.get_secret_value(SecretId="list", VersionStage="AWSCURRENT")
    return AccessList.parse(value["SecretString"])


def entry(secrets: SecretsManagerClient, key: ApiKey) -> KeyEntry:
    return changes.find(stored(secrets), key.key_id)


def refusal(done: Result) -> str:
    assert done.exit_code != 0
    assert done.stdout == ""
    return str(getattr(done.exception, "message", done.stderr))


def test_a_key_is_alone_on_standard_output_and_only_its_hash_is_kept(
    folder: Path, secrets: SecretsManagerClient, ssm: SSMClient
) -> None:
    done = run(folder, "create", "ann of the web team", "--sessions", "2", "--model", "parakeet")
    assert re.fullmatch(f"{KEY_PATTERN}\n", done.stdout)
    key = ApiKey.parse(done.stdout.strip())
    assert key.text not in done.stderr
    assert f"key {key.key_id} of ann of the web team: file, stream, good until" in done.stderr
    assert done.stderr.splitlines()[-1] == "every gateway follows within 11 s"
    found = entry(secrets, key)
    assert found.sha256 == key.sha256
    assert found.scopes == frozenset({"stream", "file"})
    assert found.expires - found.created == timedelta(days=90)
    assert found.limits.model_dump() == {
        "sessions": 2, "new_per_minute": None, "models": ("parakeet",)
    }  # fmt: skip
    value = secrets.get_secret_value(SecretId="list", VersionStage="AWSCURRENT")
    assert key.text not in value["SecretString"]
    assert key.text[17:] not in value["SecretString"]
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Value"] != "0"


def test_a_key_of_one_scope_and_so_many_days_as_json(
    folder: Path, secrets: SecretsManagerClient
) -> None:
    done = run(folder, "create", "ann", "--scope", "file", "--days", "1", "--json")
    document = json.loads(done.stdout)
    key = ApiKey.parse(document["key"])
    assert (document["id"], document["scopes"], document["state"]) == (
        key.key_id, ["file"], "good"
    )  # fmt: skip
    assert "sha256" not in document
    assert entry(secrets, key).expires - entry(secrets, key).created == timedelta(days=1)


def test_the_list_shows_no_key_and_no_hash(folder: Path, secrets: SecretsManagerClient) -> None:
    assert run(folder, "list").stdout == "no keys, and nothing revoked\n"
    one, two, three = made(folder), made(folder, "ben", "--sessions", "3"), made(folder, "cyd")
    assert run(folder, "revoke", two.key_id).exit_code == 0
    assert run(folder, "revoke", "--jti", "a-token", "--client", "app").exit_code == 0
    successor = ApiKey.parse(run(folder, "rotate", three.key_id).stdout.strip())
    as_text, as_json = run(folder, "list"), run(folder, "list", "--json")
    assert as_text.stderr == ""
    lines = as_text.stdout.splitlines()
    assert lines[0].startswith(f"{one.key_id}  good       file,stream  until ")
    assert lines[1].startswith(f"{two.key_id}  revoked ")
    assert "sessions=3  ben" in lines[1]
    assert f"replaced by {successor.key_id}  cyd" in lines[2]
    assert lines[4].startswith("token 'a-token'  revoked ")
    assert lines[5].startswith("client 'app'  tokens until ")
    document = json.loads(as_json.stdout)
    assert [row["state"] for row in document["keys"]] == ["good", "revoked", "replaced", "good"]
    assert document["revoked_tokens"][0]["jti"] == "a-token"
    for key in (one, two, three, successor):
        for shown in (as_text.output, as_json.output):
            assert key.text not in shown
            assert entry(secrets, key).sha256 not in shown


def test_a_key_that_is_revoked_stays_so_and_one_that_is_not_there_is_told(
    folder: Path, secrets: SecretsManagerClient
) -> None:
    key = made(folder)
    assert run(folder, "revoke", key.key_id).stderr.startswith(f"revoked: {key.key_id}\n")
    first = entry(secrets, key).revoked
    assert first is not None
    assert run(folder, "revoke", key.key_id).exit_code == 0
    assert entry(secrets, key).revoked == first
    assert "there is no key '0123456789'" in refusal(run(folder, "revoke", "0123456789"))
    assert "nothing is named" in refusal(run(folder, "revoke"))
    for shown in (key.text, key.key_id[:-1], f"{key.key_id}0", key.key_id.upper()):
        for name in ("revoke", "rotate"):
            told = refusal(run(folder, name, shown))
            assert "ID is none; accepted: the 10 characters" in told
            assert shown not in told


def test_a_rotated_key_has_its_owner_scopes_limits_and_time_and_ends_after_the_overlap(
    folder: Path, secrets: SecretsManagerClient
) -> None:
    old = made(folder, "ann", "--scope", "stream", "--sessions", "2", "--days", "30")
    done = run(folder, "rotate", old.key_id, "--overlap", "2h")
    new = ApiKey.parse(done.stdout.strip())
    was, now = entry(secrets, old), entry(secrets, new)
    assert (now.owner, now.scopes, now.limits) == (was.owner, was.scopes, was.limits)
    assert now.expires - now.created == timedelta(days=30)
    assert was.replaced_by == new.key_id
    assert was.expires == now.created + timedelta(hours=2)
    assert f"key {old.key_id} is good until {was.expires:%Y-%m-%dT%H}" in done.stderr
    again = refusal(run(folder, "rotate", old.key_id))
    assert f"key {old.key_id} was rotated before; rotate its successor {new.key_id}" in again
    run(folder, "revoke", new.key_id)
    assert "is not good any more" in refusal(run(folder, "rotate", new.key_id))


def test_an_overlap_makes_no_key_good_for_longer() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    old = key_entry(ApiKey.generate(), now - timedelta(hours=23))
    new = key_entry(ApiKey.generate(), now)
    listed = changes.rotated(AccessList(format=1, keys=(old,)), old.id, new, timedelta(days=2))
    assert changes.find(listed, old.id).expires == old.expires


def test_what_makes_no_difference_any_more_is_left_out_after_a_while() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    kept = key_entry(ApiKey.generate(), now - changes.KEPT)
    ended = key_entry(ApiKey.generate(), now - changes.KEPT - timedelta(days=1))
    revoked = key_entry(ApiKey.generate(), now, revoked=now - changes.KEPT)
    listed = AccessList(format=1, keys=(ended, kept, revoked))
    listed = changes.without_token(listed, "a-token", now)
    listed = changes.without_client(listed, "app", now)
    assert changes.pruned(listed, now).keys == (kept,)
    assert changes.pruned(listed, now).revoked_tokens == listed.revoked_tokens
    later = changes.pruned(listed, now + changes.LONGEST_TOKEN)
    assert later.revoked_tokens == ()
    assert later.revoked_clients == listed.revoked_clients


def test_a_client_is_revoked_until_the_latest_time_that_was_said() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    listed = changes.without_client(AccessList.empty(), "app", now)
    listed = changes.without_client(listed, "app", now - timedelta(days=1))
    [one] = listed.revoked_clients
    assert one.before == now


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("",), "owner is ''"),
        ((" ann",), "owner is ' ann'"),
        (("a" * 129,), "owner is"),
        (("ann", "--model", ""), "models.0 is ''"),
        (("ann", "--days", "0"), "0 is not in the range 1<=x<=400"),
        (("ann", "--scope", "everything"), "'everything' is not one of 'stream', 'file', 'admin'"),
        (("ann", "--sessions", "0"), "0 is not in the range"),
    ],
)
def test_what_no_key_is_made_for_is_told_and_nothing_is_stored(
    folder: Path, secrets: SecretsManagerClient, arguments: tuple[str, ...], told: str
) -> None:
    assert told in refusal(run(folder, "create", *arguments))
    assert stored(secrets) == AccessList.empty()


def opened(secrets: SecretsManagerClient) -> AccessListStore:
    arn = secrets.describe_secret(SecretId="list")["ARN"]
    return AccessListStore("local", arn, secrets)


def test_of_two_operators_at_once_neither_loses_a_change(
    folder: Path, secrets: SecretsManagerClient
) -> None:
    ours, theirs = key_entry(ApiKey.generate()), key_entry(ApiKey.generate())
    tries = []

    def change(listed: AccessList) -> AccessList:
        tries.append(listed)
        if len(tries) == 1:
            # Between our reading and our writing.
            opened(secrets).change(lambda found: changes.with_key(found, theirs))
        return changes.with_key(listed, ours)

    opened(secrets).change(change)
    assert stored(secrets).keys == (theirs, ours)
    assert len(tries) == 2
    assert folder.exists()


def test_who_never_comes_first_is_told_and_changes_nothing(secrets: SecretsManagerClient) -> None:
    def change(listed: AccessList) -> AccessList:
        other = key_entry(ApiKey.generate())
        by = opened(secrets)
        by.write(changes.with_key(listed, other), replaces=by.read().version)
        return changes.without_client(listed, "app", datetime.now(UTC))

    with pytest.raises(Exception, match="others changed it 5 times"):
        opened(secrets).change(change)
    assert stored(secrets).revoked_clients == ()


def test_a_change_that_gateways_were_not_told_of_is_made_again_and_told(
    folder: Path, secrets: SecretsManagerClient, ssm: SSMClient
) -> None:
    key = made(folder)
    told = ssm.get_parameter(Name=NAME)["Parameter"]["Value"]
    opened(secrets).change(
        lambda listed: changes.without_keys(listed, (key.key_id,), datetime.now(UTC))
    )
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Value"] == told
    assert run(folder, "revoke", key.key_id).exit_code == 0
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Value"] != told


def test_a_list_that_is_none_is_told_and_left_as_it_is(
    folder: Path, secrets: SecretsManagerClient
) -> None:
    secrets.put_secret_value(SecretId="list", SecretString="{}")  # pragma: allowlist secret
    assert "cannot be read: format: Field required" in refusal(run(folder, "create", "ann"))
    value = secrets.get_secret_value(SecretId="list", VersionStage="AWSCURRENT")
    assert value["SecretString"] == "{}"


def test_a_stack_of_an_older_program_has_no_list(tmp_path: Path) -> None:
    older = {**OUTPUTS, "secret_arns": {**OUTPUTS["secret_arns"], "access_list": None}}
    (tmp_path / "outputs.json").write_text(json.dumps(older))
    assert "has no secret access_list" in refusal(run(tmp_path, "list"))
