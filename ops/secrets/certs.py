"""`perch certs`: a stack's own authority, and the certificates its machines show."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from infra.authority import (
    CLIENT,
    Identity,
    UnusableIdentityError,
    gateway_identity,
    gateway_names,
    is_signed_by,
    issue,
    new_authority,
    parse,
    recogniser_identity,
)
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.private_files import write_private
from ops.secrets import values as secret_values
from ops.stack import StackOutputs, read

if TYPE_CHECKING:
    from ops.secrets.values import SecretValues

GATEWAYS = "gateway_tls"
RECOGNISERS = "recogniser_tls"
AUTHORITY = "tls_authority"
DAY_SECONDS = 86_400
_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1")


def identity(secrets: SecretValues, name: str) -> Identity | None:
    """Return what a secret holds; None where it holds nothing yet.

    Raises:
        CommandFailedError: It cannot be read, or is no key with its certificate.
    """
    text = secrets.read(name)
    if text is None:
        return None
    try:
        return parse(text)
    except UnusableIdentityError as error:
        raise CommandFailedError(f"secret {name} cannot be used: {error}") from None


def facts(found: Identity, *, now: datetime) -> dict[str, object]:
    """Return what may be told of an identity: everything but its key."""
    certificate = found.certificate
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    ends = certificate.not_valid_after_utc
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "names": [
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        ],
        "from": certificate.not_valid_before_utc.isoformat(),
        "until": ends.isoformat(),
        "days_left": round((ends - now).total_seconds() / DAY_SECONDS, 1),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "trusted_beside_it": [
            one.fingerprint(hashes.SHA256()).hex() for one in found.certificates[1:]
        ],
    }


def _open(stack: str, state_dir: Path | None) -> tuple[StackOutputs, SecretValues, bool]:
    outputs = read(stack, chosen=state_dir)
    secrets, is_local = secret_values.connect(stack, outputs, state_dir)
    return outputs, secrets, is_local


def _sign(outputs: StackOutputs, secrets: SecretValues, authority: Identity) -> Identity:
    """Make the machines' next keys and certificates and tell them to fetch these."""
    now = datetime.now(UTC)
    made = gateway_identity(authority, outputs.environment, now=now)
    secrets.put(GATEWAYS, made.pem)
    if outputs.secret_arns.recogniser_tls is not None:
        own = recogniser_identity(authority, outputs.environment, now=now)
        secrets.put(RECOGNISERS, own.pem)
        ends = own.certificate.not_valid_after_utc
        click.echo(
            f"recognisers: {own.certificate.subject.rfc4514_string()} until {ends:%Y-%m-%d};"
            f" each takes it as it starts: perch rotate --stack {outputs.environment} where that"
            " should be now"
        )
    secrets.announce()
    return made


def _told(made: Identity, *, is_local: bool) -> None:
    seconds = secret_values.follow_seconds(is_local=is_local)
    ends = made.certificate.not_valid_after_utc
    click.echo(f"gateways: {made.certificate.subject.rfc4514_string()} until {ends:%Y-%m-%d}")
    click.echo(f"every gateway shows it within {seconds:g} s; no session is ended")


@click.group("certs")
def command() -> None:
    """Make, replace and show a stack's own authority and the certificates of its machines.

    Private keys go from here into Secrets Manager and are never shown.
    """


@command.command("create")
@stack_options
def create(stack: str, state_dir: Path | None) -> None:
    """Make a stack's own authority, and have it sign the certificates of its machines.

    A stack begins with a certificate of an authority whose key nobody kept; it serves until then.
    """
    outputs, secrets, is_local = _open(stack, state_dir)
    if identity(secrets, AUTHORITY) is not None:
        raise ConfigurationError(
            f"stack {stack} has an authority; `perch certs rotate --authority` makes the next one"
        )
    before = identity(secrets, GATEWAYS)
    # Who believes the first one goes on doing so until he has fetched the next.
    trusted = () if before is None else before.certificates[1:]
    _renew(outputs, secrets, trusted, is_local=is_local)


@command.command("rotate")
@stack_options
@click.option("--authority", is_flag=True, help="Make the next authority, too; it signs from now.")
def rotate(stack: str, state_dir: Path | None, authority: bool) -> None:
    """Replace the key and certificate of a stack's gateways, while they serve.

    Where recognisers on its machines speak TLS theirs are replaced, too, for the next time that one
    of them starts; until then it and its gateway go on with those before.

    With a new authority the one before it stays trusted until the next new one. A gateway takes a
    new certificate for the next connection, so sessions go on.
    """
    outputs, secrets, is_local = _open(stack, state_dir)
    present = identity(secrets, AUTHORITY)
    if present is None:
        raise ConfigurationError(
            f"stack {stack} has no authority of its own yet; `perch certs create --stack {stack}`"
            " makes it"
        )
    if authority:
        _renew(outputs, secrets, present.certificates, is_local=is_local)
    else:
        _told(_sign(outputs, secrets, present), is_local=is_local)


def _renew(
    outputs: StackOutputs,
    secrets: SecretValues,
    before: tuple[x509.Certificate, ...],
    *,
    is_local: bool,
) -> None:
    made = new_authority(outputs.environment, now=datetime.now(UTC), before=before)
    # First: without its key the certificate that follows could not be replaced.
    secrets.put(AUTHORITY, made.pem)
    ends = made.certificate.not_valid_after_utc
    click.echo(f"authority: {made.certificate.subject.rfc4514_string()} until {ends:%Y-%m-%d}")
    _told(_sign(outputs, secrets, made), is_local=is_local)


@command.command("recognisers")
@stack_options
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the recognisers' key and certificates; made where it is not there.",
)
def recognisers(stack: str, state_dir: Path | None, names: tuple[str, ...], folder: Path) -> None:
    """Make the key and certificate of recognisers elsewhere, of this stack's own authority.

    NAMES are what gateways know them by: host names and addresses. Gateways of a stack with tls
    private_ca or mutual are told to believe the authority, and with mutual get a certificate to
    show. The files are for whoever runs the recognisers.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"NAMES has {name!a}; accepted: host names and IP addresses")
    outputs, secrets, is_local = _open(stack, state_dir)
    authority = identity(secrets, AUTHORITY)
    if authority is None:
        raise ConfigurationError(
            f"stack {stack} has no authority of its own yet; `perch certs create --stack {stack}`"
        )
    now = datetime.now(UTC)
    server = issue(authority, names, now=now)
    own = Identity(key=server.key, certificates=server.certificates[:1])
    trusted = authority.certificates_pem
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / "server-key.pem", own.key_pem)
        write_private(folder / "server.pem", own.certificates_pem)
        write_private(folder / "ca.pem", trusted)
    except OSError as error:
        raise ConfigurationError(f"--folder {folder}: {error.strerror}") from None
    ends = own.certificate.not_valid_after_utc
    click.echo(f"recognisers: {', '.join(names)} until {ends:%Y-%m-%d}, in {folder}")
    arns = outputs.secret_arns
    if arns.riva_tls_ca is None:
        click.echo("no gateway is told: no recogniser elsewhere of this stack has tls private_ca")
        return
    # Believed before it is shown: whoever runs the recognisers puts the files in place afterwards.
    secrets.put("riva_tls_ca", trusted)
    if arns.riva_tls_certificate is not None:
        client = issue(authority, gateway_names(outputs.environment)[:1], now=now, usages=CLIENT)
        shown = Identity(key=client.key, certificates=client.certificates[:1])
        secrets.put("riva_tls_certificate", shown.certificates_pem)
        secrets.put("riva_tls_key", shown.key_pem)
    secrets.announce()
    seconds = secret_values.follow_seconds(is_local=is_local)
    click.echo(f"every gateway believes this authority within {seconds:g} s")


@command.command("show")
@stack_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--pem", is_flag=True, help="Print the authorities' certificates, for who checks.")
def show(stack: str, state_dir: Path | None, as_json: bool, pem: bool) -> None:
    """Show the certificates of a stack: names, ends, fingerprints, and never a key."""
    outputs, secrets, _ = _open(stack, state_dir)
    shown = identity(secrets, GATEWAYS)
    if shown is None:
        raise CommandFailedError(f"secret {GATEWAYS} of stack {stack} has no value")
    if pem:
        trusted = Identity(key=shown.key, certificates=shown.certificates[1:])
        click.echo(trusted.certificates_pem, nl=False)
        return
    authority = identity(secrets, AUTHORITY)
    found = {"gateways": shown, "authority": authority}
    if outputs.secret_arns.recogniser_tls is not None:
        found["recognisers"] = identity(secrets, RECOGNISERS)
    now = datetime.now(UTC)
    told: dict[str, object] = {
        **{name: None if one is None else facts(one, now=now) for name, one in found.items()},
        "is_signed_by_it": authority is not None
        and is_signed_by(shown.certificate, authority.certificate),
    }
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    for name, one in found.items():
        if one is None:
            click.echo(f"{name}: none of its own yet; `perch certs create --stack {stack}`")
            continue
        for key, value in facts(one, now=now).items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            click.echo(f"{name}: {key} {text}")
    if authority is not None and not told["is_signed_by_it"]:
        click.echo(
            "the gateways' certificate is not of this authority; `perch certs rotate` mends it"
        )
