"""The access list of an environment: its API keys, and what is good no more.

One JSON document, read by every gateway. It holds no key: of each there is a hash.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_serializer,
    model_validator,
)

from app.credentials.api_key import ID_PATTERN
from app.credentials.scopes import Scope

MAX_BYTES: Final = 65_536
"""Of the document: what a secret of AWS Secrets Manager holds (its quotas)."""
MAX_LIMIT: Final = 1_000_000
"""Of sessions, at once or in a minute."""
MAX_MODELS: Final = 100
MAX_NAME_CHARS: Final = 128

_FIRST_PROBLEMS: Final = 3
_PART_CHARS: Final = 20
"""Of a name in a message: the longest that is known has fewer."""


class AccessListError(ValueError):
    """It is no access list; the message says where and why, and repeats no value of it."""


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("spaces at an end, or characters that cannot be printed")
    return text


def _in_utc(when: datetime) -> datetime:
    """Refuse a time that UTC has no date for: whoever lists it could not write it."""
    try:
        when.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it is not in the years 1 to 9999") from None
    return when


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
KeyId = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS), AfterValidator(_plain)]
TokenId = Annotated[str, Field(min_length=1, max_length=256)]
ClientName = Annotated[str, Field(min_length=1, max_length=1024)]
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Limits(_Entry):
    """What a client may have; what is null is as the gateway has it for every client."""

    sessions: Limit | None = None
    """Sessions at once."""
    new_per_minute: Limit | None = None
    """Sessions begun in a minute."""
    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_MODELS)] | None = None
    """Models that it may ask for."""


class KeyEntry(_Entry):
    """One API key."""

    id: KeyId
    """Stands in the key, and is no secret."""
    owner: Name
    """Who has it: keys of one owner are one client."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of the key's text."""
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    """What it allows."""
    created: Moment
    """From when it is good."""
    expires: Moment
    """Until when."""
    limits: Limits = Limits()
    """Of its client."""
    revoked: Moment | None = None
    """Since when it is good no more."""
    replaced_by: KeyId | None = None
    """The key that takes its place; until it ends both are good."""

    @field_serializer("scopes")
    def _in_order(self, scopes: frozenset[Scope]) -> list[str]:
        return sorted(scopes)


class RevokedToken(_Entry):
    """A token of the issuer that is good no more."""

    jti: TokenId
    """Its name."""
    revoked: Moment
    """Since when."""
    until: Moment
    """When the entry may go, as the token has ended by itself."""


class RevokedClient(_Entry):
    """A client whose tokens of before are good no more."""

    client: ClientName
    """As the issuer has it (`client_id`); or all that a gateway knows it by."""
    before: Moment
    """Tokens that were made until then are refused."""


class AccessList(_Entry):
    """The whole document."""

    format: Literal[1]
    """Of this document: a gateway reads no other."""
    keys: tuple[KeyEntry, ...] = ()
    """API keys, the oldest first."""
    revoked_tokens: tuple[RevokedToken, ...] = ()
    """Tokens of the issuer."""
    revoked_clients: tuple[RevokedClient, ...] = ()
    """Clients."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> "AccessList":
        for what, names in (
            ("keys", [entry.id for entry in self.keys]),
            ("revoked_tokens", [entry.jti for entry in self.revoked_tokens]),
            ("revoked_clients", [entry.client for entry in self.revoked_clients]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"{what} has one name twice")
        return self

    @classmethod
    def empty(cls) -> "AccessList":
        """Return a list that lets nobody in."""
        return cls(format=1)

    @classmethod
    def parse(cls, document: bytes | str) -> "AccessList":
        """Read a document.

        Raises:
            AccessListError: It is too long or no access list.
        """
        if len(document) > MAX_BYTES:
            raise AccessListError(f"it is longer than {MAX_BYTES} bytes")
        try:
            return cls.model_validate_json(document)
        except ValidationError as error:
            raise AccessListError(_sentence(error)) from None

    def write(self) -> str:
        """Return the document.

        Raises:
            AccessListError: It has become longer than what keeps it.
        """
        text = self.model_dump_json(exclude_defaults=True)
        if len(text.encode()) > MAX_BYTES:
            raise AccessListError(f"it has become {len(text.encode())} bytes; {MAX_BYTES} fit")
        return text


def _sentence(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    # A name that is not known may be anything, even a whole key.
    shown = (
        f"{'.'.join(str(part)[:_PART_CHARS] for part in one['loc']) or 'document'}: {one['msg']}"
        for one in found[:_FIRST_PROBLEMS]
    )
    more = len(found) - _FIRST_PROBLEMS
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
