"""`perch certs` against the Secrets Manager and SSM that moto plays.

Not proved: that machines of AWS fetch what is put there (tests/infra/boot runs their scripts), and
what AWS says of a secret without a value beyond its documented error.
"""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from mypy_boto3_secretsmanager import SecretsManagerClient
from mypy_boto3_ssm import SSMClient

from infra.authority import (
    Identity,
    first_identity,
    first_recogniser_identity,
    gateway_names,
    is_signed_by,
    parse,
    recogniser_names,
)
from infra.boot.environment import boot_environment
from ops.secrets import certs
from ops.secrets import values as secret_values
from tests.support.boot_settings import boot_settings
from tests.support.moto import bare_aws
from tests.support.outputs import OUTPUTS

VERSION = "/perch/local/secrets-version"


@dataclass
class Account:
    """A stack's secrets, as its program makes them."""

    secrets: SecretsManagerClient
    ssm: SSMClient
    folder: Path
    arns: dict[str, str]

    def run(self, *arguments: str) -> Result:
        [verb, *rest] = arguments
        return CliRunner().invoke(certs.command, [verb, "--state-dir", str(self.folder), *rest])

    def held(self, name: str) -> Identity:
        return parse(self.secrets.get_secret_value(SecretId=self.arns[name])["SecretString"])

    @property
    def version(self) -> str:
        return self.ssm.get_parameter(Name=VERSION)["Parameter"]["Value"]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with bare_aws():
        secrets = boto3.client("secretsmanager", region_name="us-east-2")
        ssm = boto3.client("ssm", region_name="us-east-2")
        arns = {
            "gateway_tls": secrets.create_secret(
                Name="perch-local-gateway-tls", SecretString=first_identity("local")
            )["ARN"],
            "tls_authority": secrets.create_secret(Name="perch-local-tls-authority")["ARN"],
            "recogniser_tls": secrets.create_secret(
                Name="perch-local-recogniser-tls",
                SecretString=first_recogniser_identity("local"),
            )["ARN"],
        }
        ssm.put_parameter(Name=VERSION, Value="0", Type="String", AllowedPattern="^[0-9]{1,16}$")
        outputs: dict[str, Any] = OUTPUTS | {"secret_arns": OUTPUTS["secret_arns"] | arns}
        (tmp_path / "outputs.json").write_text(json.dumps(outputs))
        yield Account(secrets, ssm, tmp_path, arns)


def test_makes_an_authority_of_its_own_that_signs_the_gateways(account: Account) -> None:
    first = account.held("gateway_tls")
    done = account.run("create")
    assert done.exit_code == 0, done.output
    authority, gateways = account.held("tls_authority"), account.held("gateway_tls")
    assert is_signed_by(gateways.certificate, authority.certificate)
    assert gateways.key.public_key() != first.key.public_key()
    # Who trusts the first one alone is served until he has fetched this.
    assert gateways.certificates[1:] == (authority.certificate, first.certificates[1])
    assert account.version != "0"
    assert "every gateway shows it within 11 s" in done.output


def purposes(of: Identity) -> set[str]:
    usage = of.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    return {str(one._name) for one in usage}


def test_the_authority_signs_recognisers_too_and_gateways_may_show_them_a_certificate(
    account: Account,
) -> None:
    before = account.held("recogniser_tls")
    done = account.run("create")
    authority, own = account.held("tls_authority"), account.held("recogniser_tls")
    assert is_signed_by(own.certificate, authority.certificate)
    assert own.key.public_key() != before.key.public_key()
    assert "each takes it as it starts: perch rotate --stack" in done.output
    assert purposes(own) == {"serverAuth"}
    assert purposes(account.held("gateway_tls")) == {"serverAuth", "clientAuth"}
    shown = json.loads(account.run("show", "--json").stdout)
    assert shown["recognisers"]["names"] == list(recogniser_names("local"))


def test_a_stack_whose_recognisers_are_asked_in_clear_has_no_certificate_of_theirs(
    account: Account,
) -> None:
    file = account.folder / "outputs.json"
    outputs = json.loads(file.read_text())
    outputs["secret_arns"]["recogniser_tls"] = None
    file.write_text(json.dumps(outputs))
    before = account.held("recogniser_tls")
    assert "recognisers" not in account.run("create").output
    assert account.held("recogniser_tls").pem == before.pem
    assert "recognisers" not in json.loads(account.run("show", "--json").stdout)


def test_refuses_to_take_an_authoritys_place_by_the_way(account: Account) -> None:
    account.run("create")
    before = account.held("tls_authority")
    again = account.run("create")
    assert again.exit_code == 2
    assert "rotate --authority" in again.output
    assert account.held("tls_authority").pem == before.pem


def test_a_rotation_makes_another_key_of_the_same_authority_and_tells_machines(
    account: Account,
) -> None:
    account.run("create")
    authority, before, version = (
        account.held("tls_authority"),
        account.held("gateway_tls"),
        account.version,
    )
    assert account.run("rotate").exit_code == 0
    after = account.held("gateway_tls")
    assert after.key.public_key() != before.key.public_key()
    assert is_signed_by(after.certificate, authority.certificate)
    assert account.held("tls_authority").pem == authority.pem
    assert int(account.version) > int(version)


def test_the_next_authority_signs_from_now_and_the_one_before_stays_trusted(
    account: Account,
) -> None:
    account.run("create")
    before = account.held("tls_authority")
    assert account.run("rotate", "--authority").exit_code == 0
    after, gateways = account.held("tls_authority"), account.held("gateway_tls")
    assert after.key.public_key() != before.key.public_key()
    assert gateways.certificates[1:] == (after.certificate, before.certificate)
    account.run("rotate", "--authority")
    assert before.certificate not in account.held("gateway_tls").certificates


def test_a_stack_without_an_authority_is_told_how_to_have_one(account: Account) -> None:
    done = account.run("rotate")
    assert (done.exit_code, account.version) == (2, "0")
    assert "perch certs create --stack local" in done.output


def test_shows_everything_but_a_key(account: Account) -> None:
    account.run("create")
    shown = json.loads(account.run("show", "--json").stdout)
    assert shown["gateways"]["names"] == list(gateway_names("local"))
    assert shown["is_signed_by_it"] is True
    assert 396 < shown["gateways"]["days_left"] <= 397
    told = account.run("show").output + account.run("show", "--pem").output + json.dumps(shown)
    for name in ("gateway_tls", "recogniser_tls", "tls_authority"):
        held = account.held(name)
        key = held.pem.removesuffix(held.certificates_pem)
        # The last of its lines is of the public half, which certificates have as well.
        assert not [line for line in key.splitlines()[1:3] if line in told]
    assert "PRIVATE" not in told


def test_prints_the_authorities_for_who_checks(account: Account) -> None:
    account.run("create")
    assert account.run("show", "--pem").stdout == "".join(
        one.certificates_pem for one in [account.held("tls_authority")]
    )


def test_says_that_a_certificate_is_of_another_authority(account: Account) -> None:
    """As after a command that was cut off between its two secrets."""
    account.run("create")
    account.secrets.put_secret_value(
        SecretId=account.arns["gateway_tls"], SecretString=first_identity("local")
    )
    assert "`perch certs rotate` mends it" in account.run("show").stdout
    account.run("rotate")
    assert "mends" not in account.run("show").stdout


@pytest.mark.parametrize("name", ["gateway_tls", "tls_authority"])
def test_a_value_that_is_none_is_named_and_not_quoted(account: Account, name: str) -> None:
    account.secrets.put_secret_value(SecretId=account.arns[name], SecretString="hush-hush")
    done = account.run("show")
    assert done.exit_code == 1
    assert f"secret {name} cannot be used" in done.output
    assert "hush-hush" not in done.output


def test_a_stack_of_an_older_program_is_told_what_it_lacks(account: Account) -> None:
    arns = OUTPUTS["secret_arns"] | {"gateway_tls": None, "tls_authority": None}
    old = OUTPUTS | {"secret_arns": arns, "secrets_version_parameter_name": None}
    (account.folder / "outputs.json").write_text(json.dumps(old))
    done = account.run("create")
    assert done.exit_code == 1
    assert "made by an older program; `pulumi up --stack local` adds it" in done.output


def test_an_announcement_that_fails_says_that_the_value_is_there(account: Account) -> None:
    account.run("create")
    outputs = json.loads((account.folder / "outputs.json").read_text())
    outputs["secrets_version_parameter_name"] = "/aws/nobodys"
    (account.folder / "outputs.json").write_text(json.dumps(outputs))
    before = account.held("gateway_tls")
    done = account.run("rotate")
    assert done.exit_code == 1
    assert "the new value is there, and parameter" in done.output
    assert account.held("gateway_tls").pem != before.pem


def give(account: Account, *names: str) -> None:
    """Let the stack have these secrets, too, as its program makes them."""
    outputs = json.loads((account.folder / "outputs.json").read_text())
    for name in names:
        made = account.secrets.create_secret(Name=f"perch-local-{name}")["ARN"]
        account.arns[name] = outputs["secret_arns"][name] = made
    (account.folder / "outputs.json").write_text(json.dumps(outputs))


def text(account: Account, name: str) -> str:
    return account.secrets.get_secret_value(SecretId=account.arns[name])["SecretString"]


def meet(folder: Path, server_ca: str | None, client: tuple[str, str] | None) -> None:
    """A recogniser with these files and a gateway with those of its secrets shake hands."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
    client_side = ssl.create_default_context(cadata=server_ca)
    if client is not None:
        server_side.verify_mode = ssl.CERT_REQUIRED
        server_side.load_verify_locations(folder / "ca.pem")
        (folder / "client.pem").write_text("".join(client))
        client_side.load_cert_chain(folder / "client.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client_side.wrap_bio(to_client, to_server, server_hostname="asr-de.example.org")
    other = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert one.version() == "TLSv1.3"


def test_recognisers_elsewhere_and_gateways_believe_each_other(
    account: Account, tmp_path: Path
) -> None:
    give(account, "riva_tls_ca", "riva_tls_certificate", "riva_tls_key")
    account.run("create")
    folder = tmp_path / "recognisers"
    done = account.run("recognisers", "--folder", str(folder), "asr-de.example.org", "10.8.0.7")
    assert done.exit_code == 0, done.output
    client = (text(account, "riva_tls_certificate"), text(account, "riva_tls_key"))
    meet(folder, text(account, "riva_tls_ca"), client)
    assert {path.stat().st_mode & 0o777 for path in folder.glob("s*.pem")} == {0o600}
    assert "PRIVATE" not in done.output
    # A certificate for clients is none for servers, and the other way round.
    (folder / "server.pem").write_text(client[0])
    (folder / "server-key.pem").write_text(client[1])
    with pytest.raises(ssl.SSLCertVerificationError):
        meet(folder, text(account, "riva_tls_ca"), None)


def test_a_stack_whose_gateways_believe_public_authorities_is_left_as_it_is(
    account: Account, tmp_path: Path
) -> None:
    account.run("create")
    version = account.version
    done = account.run("recognisers", "--folder", str(tmp_path / "r"), "asr.example.org")
    assert (done.exit_code, account.version) == (0, version)
    assert "no gateway is told" in done.output


@pytest.mark.parametrize("name", ["two words", "", "-x.example", "a/b"])
def test_what_is_no_name_of_a_recogniser_is_refused(
    account: Account, tmp_path: Path, name: str
) -> None:
    done = account.run("recognisers", "--folder", str(tmp_path / "r"), "--", name)
    assert done.exit_code == 2
    assert not (tmp_path / "r").exists()


def test_how_soon_machines_follow_is_what_they_are_told() -> None:
    assert boot_environment(boot_settings())["PERCH_POLL_SECONDS"] == "5"
    assert secret_values.MACHINE_SECONDS == 5
    assert secret_values.follow_seconds(is_local=False) == 11
    now = datetime.now(UTC)
    assert parse(first_identity("x")).certificate.not_valid_before_utc < now - timedelta(minutes=30)
