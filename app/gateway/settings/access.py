"""Where the gateway listens, who may come in, and what it proves itself and others with."""

import re
import ssl
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.settings import Problem, Settings, rule
from app.settings.secrets import (
    checked_file,
    checked_list,
    listed_secrets,
    secrets_of_file,
    split_secrets,
)
from app.settings.types import EmptyIsNone, HostName, OptionalPath

MIN_TOKEN_CHARS: Final = 16
"""Below this a token can be guessed; `openssl rand -hex 16` gives 32."""
MIN_RESUME_KEY_CHARS: Final = 32
"""128 bits where the key is hexadecimal, as `openssl rand -hex 16` writes it."""

_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST: Final = re.compile(rf"\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?")


class Anonymous(StrEnum):
    """Whether clients that show nothing are let in, where nothing says who may connect."""

    REFUSED = "refused"
    ALLOWED = "allowed"


def lower(value: object) -> object:
    """Take a word in whatever case."""
    return value.strip().lower() if isinstance(value, str) else value


def comma_separated(value: object) -> object:
    """Take a text for the list of its parts between commas."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, str)
        else value
    )


def _readable_file(path: Path | None) -> Path | None:
    if path is None:
        return None
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(error.strerror) from error


def checked_host(text: str) -> str:
    """Return one entry of a list of hosts in lower case, without a dot at its end.

    Raises:
        ValueError: It is neither a name, nor `*.` and a name, nor `*`.
    """
    lowered = text.strip().lower()
    if _HOST.fullmatch(lowered) is None:
        raise ValueError(f"{text!r} is no host name")
    return lowered.rstrip(".")


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(checked_host)], ...],
    NoDecode,
    BeforeValidator(comma_separated),
]
OptionalFile = Annotated[OptionalPath, AfterValidator(_readable_file)]
Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(comma_separated)
]
_ResumeKeys = Annotated[SecretStr, AfterValidator(checked_list(MIN_RESUME_KEY_CHARS))]


class AccessSettings(Settings):
    """What an operator may change about the way in."""

    app_host: HostName = Field(
        "127.0.0.1",
        description="an address or a name to listen on; beyond this machine something must say who "
        "may connect, or APP_ANONYMOUS that everybody may",
    )
    app_port: Annotated[int, Ge(0), Le(65_535)] = Field(
        8080, description="a port from 0 to 65535; 0 takes a free one and logs it"
    )
    app_admin_host: HostName = Field(
        "127.0.0.1",
        description="an address or a name for the administrative listener to listen on",
    )
    app_admin_port: Annotated[Annotated[int, Ge(0), Le(65_535)] | None, EmptyIsNone] = Field(
        None,
        description="empty for no administrative listener, or its port from 0 to 65535; 0 takes a "
        "free one and logs it",
    )
    app_ssl_cert: OptionalFile = Field(
        None, description="empty, or a readable file with the certificate chain (PEM)"
    )
    app_ssl_key: OptionalFile = Field(
        None,
        description="empty, or a readable file with the key (PEM); "
        "given with APP_SSL_CERT or not at all",
    )
    app_auth_tokens: Annotated[SecretStr, AfterValidator(checked_list(MIN_TOKEN_CHARS))] = Field(
        SecretStr(""),
        description=f"empty, or bearer tokens of {MIN_TOKEN_CHARS} or more printable characters, "
        "separated by commas",
    )
    app_auth_tokens_file: Annotated[OptionalFile, AfterValidator(checked_file(MIN_TOKEN_CHARS))] = (
        Field(
            None,
            description="empty, or a readable file with one bearer token "
            f"of {MIN_TOKEN_CHARS} or more printable characters a line",
        )
    )
    app_anonymous: Annotated[Anonymous, BeforeValidator(lower)] = Field(
        Anonymous.REFUSED,
        description="refused or allowed: whether everybody may connect where nothing says who may, "
        "or an access list alone; a gateway that listens on this machine alone needs no permission "
        "where nothing does",
    )
    app_allowed_origins: Names = Field(
        (),
        description="empty for any, or browser origins such as https://example.org, "
        "separated by commas",
    )
    app_allowed_hosts: Hosts = Field(
        (),
        description="the names clients connect by, such as speech.example.org, separated by "
        "commas; *.example.org is every name below one, * every name; addresses and localhost are "
        "always accepted, and where this is empty names without a dot",
    )
    app_trusted_proxies: Networks = Field(
        (),
        description="empty for none, or the load balancers' networks such as 10.0.0.0/20, "
        "separated by commas: the last X-Forwarded-For entry of a request from there is believed",
    )
    app_details_networks: Networks = Field(
        (),
        description="empty for none, or networks such as 10.0.0.0/20, separated by commas, from "
        "which version, colour, counts and reasons are shown without a token, as to this machine",
    )
    app_resume_keys: _ResumeKeys = Field(
        SecretStr(""),
        description=f"empty, or keys of {MIN_RESUME_KEY_CHARS} or more printable characters, "
        "separated by commas: the first signs resume tokens, all are accepted; the same for every "
        "gateway of the environment",
    )
    app_resume_keys_file: Annotated[
        OptionalFile, AfterValidator(checked_file(MIN_RESUME_KEY_CHARS))
    ] = Field(
        None,
        description="empty, or a readable file with one such key "
        f"of {MIN_RESUME_KEY_CHARS} or more printable characters a line",
    )

    @rule
    def _certificate_and_key_fit(self) -> Iterator[Problem]:
        certificate, key = self.app_ssl_cert, self.app_ssl_key
        if (certificate is None) != (key is None):
            yield self.problem("app_ssl_key", key and str(key))
        elif certificate is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            except (OSError, ValueError) as error:
                # ssl.SSLError is an OSError. Its text names no key material.
                accepted = f"a PEM certificate chain that fits APP_SSL_KEY ({error})"
                yield self.problem("app_ssl_cert", str(certificate), accepted)

    def auth_tokens_with(self, content: bytes) -> tuple[str, ...]:
        """Return every accepted bearer token, where that is what the token file holds.

        Raises:
            ValueError: As `secrets_of_file`.
        """
        listed = split_secrets(self.app_auth_tokens.get_secret_value())
        return listed + secrets_of_file(content, MIN_TOKEN_CHARS)

    def resume_keys_with(self, content: bytes) -> tuple[str, ...]:
        """Return every key for resume tokens, where that is what the file of keys holds.

        Raises:
            ValueError: As `secrets_of_file`.
        """
        listed = split_secrets(self.app_resume_keys.get_secret_value())
        return listed + secrets_of_file(content, MIN_RESUME_KEY_CHARS)

    def auth_tokens(self) -> tuple[str, ...]:
        """Return every accepted bearer token; none means that no token is asked for.

        Raises:
            OSError: The token file cannot be read any more.
        """
        return listed_secrets(self.app_auth_tokens, self.app_auth_tokens_file)

    def resume_keys(self) -> tuple[str, ...]:
        """Return every key for resume tokens, the one that signs first; empty where none is set.

        Raises:
            OSError: The file cannot be read any more.
        """
        return listed_secrets(self.app_resume_keys, self.app_resume_keys_file)
