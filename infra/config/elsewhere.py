"""The configuration of recognisers that gateways reach over the network."""

from typing import Annotated, Final, Literal

from infra.config.text_kinds import DOMAIN, MODEL
from infra.reading import kinds
from infra.reading.reader import Named, Section

RecogniserTls = Literal["none", "public_ca", "private_ca", "mutual"]

_ENDPOINT = kinds.text(
    r"[A-Za-z0-9.\-]{1,253}:[1-9]\d{0,4}/(?:0|[1-9]\d{0,4})",
    "host:port/http_port, http_port 0 where gRPC alone tells that it is ready",
)
_LANGUAGE = kinds.text(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a language tag such as de-DE")
LANGUAGE_GROUPS: Final = Named(
    kinds.text(
        r"(?!default$|fallback$)[a-z][a-z0-9_]{0,31}",
        "a name of 1 to 32 small letters, digits and _, a letter first; not default, not fallback",
    ),
    16,
)


class RecognisersElsewhere(Section):
    """Recognisers that gateways reach over the network."""

    endpoints: Annotated[tuple[str, ...], kinds.many(_ENDPOINT, 1, 8)]
    """The recognisers."""
    cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(32, 16), 1, 4)]
    """Ranges they are in; machines may go out to these."""
    tls: Annotated[RecogniserTls, kinds.one_of("none", "public_ca", "private_ca", "mutual")] = (
        "none"
    )
    """How gateways speak to them: none, in clear; public_ca, by TLS, with the certificates every
    system trusts; private_ca, by TLS, with the CA in the secret riva_tls_ca; mutual, the same and
    the gateway shows riva_tls_certificate."""
    server_name: Annotated[str | None, kinds.optional(DOMAIN)] = None
    """Name in their certificate, where it is not the host's."""


class FallbackSettings(RecognisersElsewhere):
    """Recognisers outside both groups, for `perch recognition fallback`.

    RIVA_FALLBACK_ENDPOINTS of every gateway.
    """


class LanguageGroup(RecognisersElsewhere):
    """Recognisers elsewhere that serve languages of their own, under a name of your own.

    Together RIVA_GROUPS of the colour's gateways. A session goes to the group of its language,
    every other one to the machine's own recogniser.
    """

    languages: Annotated[tuple[str, ...], kinds.many(_LANGUAGE, 1, 64)]
    """Their languages; none may be in two groups of a colour, nor be the gateway's own."""
    model: Annotated[str, MODEL] = ""
    """Model they are asked for; empty: their own choice."""
    streams: Annotated[int | None, kinds.optional(kinds.whole(0, 10_000))] = None
    """Streams each takes at a time, as measured; null: gateway.riva_streams."""
