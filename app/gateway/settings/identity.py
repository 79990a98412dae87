"""Whose tokens let clients in: JSON Web Tokens of an issuer, and API keys of an access list."""

from collections.abc import Iterator
from typing import Annotated, Final

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from app.credentials.access_list import MAX_BYTES, AccessList, AccessListError
from app.gateway.identity.algorithms import ALGORITHMS, DEFAULT_ALGORITHMS, SYMMETRIC
from app.gateway.identity.keys import KeySet, KeysUnavailableError
from app.gateway.identity.sources import read_file
from app.gateway.settings.access import OptionalFile, comma_separated
from app.settings import Problem, Settings, rule
from app.settings.types import EmptyIsNone, OptionalSeconds, Seconds

_HTTPS: Final = "https://"
_TOGETHER: Final = ("app_jwt_issuer", "app_jwt_audience")


def _known_algorithms(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or not set(names) <= set(ALGORITHMS):
        raise ValueError("one is not known")
    if SYMMETRIC in names and len(names) > 1:
        raise ValueError("whoever has a public key could sign with it")
    return names


def _https(url: str | None) -> str | None:
    if url is not None and (not url.startswith(_HTTPS) or len(url) == len(_HTTPS)):
        raise ValueError("it is no https address")
    return url


OptionalText = Annotated[str | None, EmptyIsNone]
Algorithms = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(comma_separated), AfterValidator(_known_algorithms)
]


class IdentitySettings(Settings):
    """What an operator may change about tokens that somebody else issues, and about API keys."""

    app_jwt_keys_url: Annotated[OptionalText, AfterValidator(_https)] = Field(
        None,
        description="empty, or the https:// address of the issuer's JSON Web Key Set; not with "
        "APP_JWT_KEYS_FILE",
    )
    app_jwt_keys_file: OptionalFile = Field(
        None,
        description="empty, or a readable file with a JSON Web Key Set that has a key for one of "
        "APP_JWT_ALGORITHMS",
    )
    app_jwt_issuer: OptionalText = Field(
        None, description="what tokens have as `iss`, letter for letter; given with the keys"
    )
    app_jwt_audience: OptionalText = Field(
        None, description="what tokens have among their `aud`; given with the keys"
    )
    app_jwt_algorithms: Algorithms = Field(
        DEFAULT_ALGORITHMS,
        description=f"of {', '.join(ALGORITHMS)}, separated by commas: what tokens may be signed "
        f"with; {SYMMETRIC} alone, and with APP_JWT_KEYS_FILE",
    )
    app_jwt_scope_prefix: str = Field(
        "",
        description="what stands before `stream` and `file` in a token's scopes, such as "
        "https://speech.example.org/",
    )
    app_jwt_leeway_s: OptionalSeconds = Field(
        30.0, description="seconds from 0 to 86400 that the issuer's clock may be off"
    )
    app_jwt_max_lifetime_s: Annotated[float, Ge(1), Le(31_536_000)] = Field(
        86_400.0,
        description="seconds from 1 to 31536000: tokens that are good for longer are refused",
    )
    app_jwt_refresh_s: Seconds = Field(
        300.0,
        description="seconds above 0, to 86400, between two readings of the keys; a key that is "
        "not known has them read at once",
    )

    app_access_list_file: OptionalFile = Field(
        None,
        description="empty, or a readable file with an access list, as `perch token` writes it: "
        "API keys, and what was revoked; followed while the gateway runs",
    )
    app_single_use_per_minute: Annotated[float, Ge(0), Le(1_000_000)] = Field(
        120.0,
        description="a number from 0 to 1000000: single-use tokens made for one client in a "
        "minute; 0 means no limit",
    )

    @property
    def has_issuer(self) -> bool:
        """Whether tokens of an issuer are accepted."""
        return self.app_jwt_keys_url is not None or self.app_jwt_keys_file is not None

    @rule
    def _keys_come_from_one_place(self) -> Iterator[Problem]:
        url, file = self.app_jwt_keys_url, self.app_jwt_keys_file
        if url is not None and file is not None:
            yield self.problem("app_jwt_keys_file", str(file))
        if url is not None and SYMMETRIC in self.app_jwt_algorithms:
            yield self.problem("app_jwt_algorithms", SYMMETRIC)

    @rule
    def _keys_issuer_and_audience_go_together(self) -> Iterator[Problem]:
        if self.has_issuer:
            for name in _TOGETHER:
                if getattr(self, name) is None:
                    yield self.problem(name, "")
        elif given := next((name for name in _TOGETHER if getattr(self, name) is not None), None):
            accepted = f"an address or a file of keys, as {given.upper()} is given"
            yield self.problem("app_jwt_keys_url", "", accepted)

    @rule
    def _the_file_has_a_key(self) -> Iterator[Problem]:
        if self.app_jwt_keys_file is not None:
            try:
                KeySet(read_file(self.app_jwt_keys_file), self.app_jwt_algorithms)
            except KeysUnavailableError as error:
                accepted = f"a JSON Web Key Set for {', '.join(self.app_jwt_algorithms)} ({error})"
                yield self.problem("app_jwt_keys_file", str(self.app_jwt_keys_file), accepted)

    @rule
    def _the_access_list_is_one(self) -> Iterator[Problem]:
        try:
            self.access_list()
        except (AccessListError, OSError) as error:
            accepted = f"a file with an access list ({error})"
            yield self.problem("app_access_list_file", str(self.app_access_list_file), accepted)

    def access_list(self) -> AccessList | None:
        """Return the access list as its file has it now; None where there is no file.

        Raises:
            OSError: It cannot be read.
            AccessListError: It holds none.
        """
        if self.app_access_list_file is None:
            return None
        with self.app_access_list_file.open("rb") as file:
            return AccessList.parse(file.read(MAX_BYTES + 1))
