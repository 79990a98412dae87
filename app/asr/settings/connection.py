"""Where recognisers are, and how they are reached."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any, Self

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode

from app.asr.addresses import Address, bracketed, checked_host, parse_addresses
from app.asr.settings.groups import Groups, GroupSettings
from app.certificates import check_pair, facts_of_authorities
from app.loopback import is_this_machine
from app.settings import Problem, Settings, rule
from app.settings.secrets import is_of_a_header, one_secret
from app.settings.types import EmptyIsNone, OptionalPath

Port = Annotated[int, Ge(1), Le(65_535)]


def _addresses(value: object) -> object:
    """Parse RIVA_ENDPOINTS and RIVA_FALLBACK_ENDPOINTS; addresses pass as they are."""
    return parse_addresses(value) if isinstance(value, str) else value


def _checked_name(name: str | None) -> str | None:
    return None if name is None else checked_host(name)


Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)]


class ConnectionSettings(Settings):
    """What is between this process and the recognisers."""

    host: Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(checked_host)] = (
        Field(
            "localhost",
            description=(
                "host name or address of the recogniser alone, without a scheme, a port, a slash "
                "or brackets; the gRPC port stands in RIVA_PORT, TLS in RIVA_SSL"
            ),
        )
    )
    port: Port = Field(50051, description="gRPC port, 1 to 65535")
    http_port: Annotated[int, Ge(0), Le(65535)] = Field(
        9000,
        description="HTTP port of the readiness probe, 1 to 65535; 0 asks only by gRPC",
    )
    http_ready_path: Annotated[str, StringConstraints(pattern=r"^/[\w\-./]*$")] = Field(
        "/v1/health/ready",
        description="path of the readiness probe, starting with /, such as /v1/health/ready",
    )

    endpoints: Addresses = Field(
        (),
        description=(
            "several recognisers as host:port or host:port/http_port, joined by commas, each once, "
            "without a scheme or a slash at the end; "
            "dns:host:port stands for one at each address of the name; "
            "empty takes RIVA_HOST, RIVA_PORT and RIVA_HTTP_PORT"
        ),
    )
    fallback_endpoints: Addresses = Field(
        (),
        description=("recognisers to fall back to, as RIVA_ENDPOINTS names them; empty for none"),
    )
    groups: Groups = Field(
        default_factory=dict,
        description=(
            "JSON of recognisers for further languages, by a name of your own, such as "
            '{"german": {"languages": ["de-DE"], "endpoints": "asr-de:50051"}}, at most 16; '
            "empty for none"
        ),
    )
    dns_refresh_s: Annotated[float, Ge(1.0), Le(3600.0)] = Field(
        30.0, description="1 to 3600: seconds between two lookups of the names of endpoints"
    )

    ssl: bool = Field(False, description="true or false: TLS to the recogniser")
    fallback_ssl: Annotated[bool | None, EmptyIsNone] = Field(
        None,
        description=(
            "true or false: TLS to the recognisers of RIVA_FALLBACK_ENDPOINTS, with the same files "
            "and name; empty follows RIVA_SSL"
        ),
    )
    ssl_cert: OptionalPath = Field(
        None,
        description="path of a readable PEM file with the CA of the recogniser's certificate",
    )
    ssl_client_cert: OptionalPath = Field(
        None, description="path of a readable PEM file with the client certificate (mutual TLS)"
    )
    ssl_client_key: OptionalPath = Field(
        None,
        description="path of a readable PEM file with the client certificate's key (mutual TLS)",
    )
    ssl_server_name: Annotated[str | None, EmptyIsNone, AfterValidator(_checked_name)] = Field(
        None,
        description=(
            "name in the recogniser's certificate where it is not RIVA_HOST, without a port or a "
            "scheme"
        ),
    )
    http_ssl: Annotated[bool | None, EmptyIsNone] = Field(
        None, description="true or false: TLS on the HTTP port; empty follows RIVA_SSL"
    )
    api_key: SecretStr = Field(
        SecretStr(""),
        description=(
            "printable ASCII without spaces; needs RIVA_SSL=true unless RIVA_HOST is this machine"
        ),
    )

    api_key_file: OptionalPath = Field(
        None,
        description=(
            "empty, or a readable file with such a key, read again as it changes; not with "
            "RIVA_API_KEY"
        ),
    )

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every recogniser: RIVA_ENDPOINTS, else the one of RIVA_HOST."""
        return self.endpoints or (Address(host=self.host, port=self.port),)

    def key_in_file(self) -> str:
        """Return the key that RIVA_API_KEY_FILE holds; "" where there is no such file.

        Raises:
            OSError: it cannot be read any more.
            ValueError: it holds none any more.
        """
        return "" if self.api_key_file is None else one_secret(self.api_key_file.read_bytes())

    def at(self, address: Address, host: str | None = None) -> Self:
        """Return the same settings for that recogniser alone; in clear it needs no files.

        Args:
            address: the recogniser, or all those behind a name.
            host: which of the name's addresses; its certificate still carries the name.
        """
        update: dict[str, Any] = {
            "host": host or address.host,
            "port": address.port,
            "http_port": self.http_port if address.http_port is None else address.http_port,
            "endpoints": (),
            "fallback_endpoints": (),
            "groups": {},
        }
        if not (self.ssl or self.http_ssl):
            update |= dict.fromkeys(("ssl_cert", "ssl_client_cert", "ssl_client_key"))
        if host is not None:
            update["ssl_server_name"] = self.ssl_server_name or address.host
        return self.model_copy(update=update)

    @property
    def of_fallback(self) -> Self:
        """The same settings as the recognisers to fall back to are spoken to with."""
        return self.model_copy(update={"ssl": self._fallback_is_secure})

    @property
    def _fallback_is_secure(self) -> bool:
        return self.ssl if self.fallback_ssl is None else self.fallback_ssl

    def is_secure(self, group: GroupSettings) -> bool:
        """Return whether a group is spoken to by TLS."""
        return self.ssl if group.ssl is None else group.ssl

    @property
    def _some_are_secure(self) -> bool:
        groups = map(self.is_secure, self.groups.values())
        return self.ssl or self._fallback_is_secure or any(groups)

    @property
    def target(self) -> str:
        """The gRPC target, "host:port"; an IPv6 address is put in brackets."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def ready_url(self) -> str | None:
        """The URL of the HTTP readiness probe, or None where only gRPC is asked."""
        if self.http_port == 0:
            return None
        secure = self.ssl if self.http_ssl is None else self.http_ssl
        scheme = "https" if secure else "http"
        return f"{scheme}://{bracketed(self.host)}:{self.http_port}{self.http_ready_path}"

    @rule
    def _files_are_of_use_and_readable(self) -> Iterator[Problem]:
        for name in ("ssl_cert", "ssl_client_cert", "ssl_client_key"):
            path = getattr(self, name)
            if path is None:
                continue
            if not self._some_are_secure:
                accepted = (
                    "empty while neither RIVA_SSL nor RIVA_FALLBACK_SSL nor a group's ssl is true"
                )
                yield self.problem(name, str(path), accepted)
            elif not (path.is_file() and os.access(path, os.R_OK)):
                yield self.problem(name, str(path))

    @rule
    def _certificates_can_be_used(self) -> Iterator[Problem]:
        certificate, key = self.ssl_client_cert, self.ssl_client_key
        with suppress(OSError):  # said by the rule above
            try:
                if self.ssl_cert is not None:
                    facts_of_authorities(self.ssl_cert.read_bytes())
            except ValueError as error:
                accepted = f"a PEM file with the CA of the recogniser's certificate ({error})"
                yield self.problem("ssl_cert", str(self.ssl_cert), accepted)
            try:
                if certificate is not None and key is not None:
                    check_pair(certificate.read_bytes(), key.read_bytes())
            except ValueError as error:
                accepted = f"a PEM file that fits RIVA_SSL_CLIENT_KEY ({error})"
                yield self.problem("ssl_client_cert", str(certificate), accepted)

    @rule
    def _client_certificate_and_key_are_together(self) -> Iterator[Problem]:
        if (self.ssl_client_cert is None) != (self.ssl_client_key is None):
            missing = "ssl_client_cert" if self.ssl_client_cert is None else "ssl_client_key"
            accepted = "a path: client certificate and key are given together or not at all"
            yield self.problem(missing, None, accepted)

    @rule
    def _key_is_text_of_a_header_and_stays_secret(self) -> Iterator[Problem]:
        key = self.api_key.get_secret_value()
        if key and not (is_of_a_header(key) and self._nobody_overhears):
            yield self.problem("api_key", key)

    @rule
    def _file_of_the_key_has_one_and_it_stays_secret(self) -> Iterator[Problem]:
        file = self.api_key_file
        if file is None:
            return
        if self.api_key.get_secret_value():
            yield self.problem("api_key_file", str(file))
        try:
            one_secret(file.read_bytes())
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            accepted = f"a readable file with a key of printable ASCII without spaces ({reason})"
            yield self.problem("api_key_file", str(file), accepted)
        if not self._nobody_overhears:
            accepted = "a file while RIVA_SSL is true, or every recogniser is this machine"
            yield self.problem("api_key_file", str(file), accepted)

    @property
    def _nobody_overhears(self) -> bool:
        """Whether every recogniser is reached by TLS, or is on this machine."""
        return all(
            secure or all(is_this_machine(address.host) for address in addresses)
            for secure, addresses in (
                (self.ssl, self.addresses),
                (self._fallback_is_secure, self.fallback_endpoints),
                *((self.is_secure(one), one.endpoints) for one in self.groups.values()),
            )
        )
