"""The interface of a dialect that gives browsers a credential of their own.

A kept credential is exchanged for a single-use token (`app.gateway.minting`). How the exchange is
asked for and answered is the dialect's: a subclass of `SecretCodec` and a line in `registry`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from app.contract import ContractError, TokenAnswer, TokenRequest
from app.gateway.dialects.upload import HttpAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRequest:
    """What a client asks for.

    Attributes:
        path: Of the request, without a slash at its end.
        headers: Of the request, names in lower case.
        body: JSON; empty where there is none.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


class SecretCodec(ABC):
    """One exchange's dialect.

    Attributes:
        names: Of the dialects whose sessions the credential is for: one of them must be offered.
        paths: Where it is asked for.
    """

    names: ClassVar[tuple[str, ...]]
    paths: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def open(cls, request: SecretRequest) -> Self:
        """Return the codec of a request; raise ContractError for one that cannot be."""

    @abstractmethod
    def asked(self) -> TokenRequest:
        """Return what the credential is to allow."""

    @abstractmethod
    def answer(self, made: TokenAnswer | None) -> HttpAnswer:
        """Return the answer; without a token where the gateway asks nobody for one."""

    @classmethod
    @abstractmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return the answer to a request that failed."""
