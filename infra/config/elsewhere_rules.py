"""Rules about recognisers that gateways reach over the network: the fallback, and languages'."""

from collections.abc import Iterator
from typing import Final

from infra.config.machine import elsewhere, endpoint_ports
from infra.config.sections import Settings
from infra.reading.reader import Problem

HIGHEST_PORT: Final = 65_535
OWN_LANGUAGE: Final = "en-US"
"""RIVA_LANGUAGE_CODE where nobody sets it; a test holds it equal to the gateway's own."""


def fallback_is_somewhere(settings: Settings) -> Iterator[Problem]:
    """Refuse the switch's third position where there is no fallback."""
    if settings.gateway.recognition == "fallback" and settings.gateway.fallback is None:
        yield Problem("gateway.recognition", "fallback", "on or off, or gateway.fallback as well")


def ports_elsewhere_exist(settings: Settings) -> Iterator[Problem]:
    """Refuse ports that no packet can be sent to."""
    found = {
        (key, endpoint)
        for colour, chosen in settings.colours()
        for key, group in elsewhere(settings, chosen, colour)
        for endpoint in group.endpoints
        if max(endpoint_ports((endpoint,)), default=0) > HIGHEST_PORT
    }
    for key, endpoint in sorted(found):
        yield Problem(f"{key}.endpoints", endpoint, f"ports of at most {HIGHEST_PORT}")


def languages_have_one_group(settings: Settings) -> Iterator[Problem]:
    """Refuse a language that two groups of a colour name, or that the machine's own has."""
    own = settings.gateway.environment.get("RIVA_LANGUAGE_CODE", OWN_LANGUAGE)
    for colour, chosen in settings.colours():
        owners = {own.lower(): "the machine's own recogniser"}
        for name, group in chosen.language_groups.items():
            for language in group.languages:
                owner = owners.setdefault(language.lower(), name)
                if owner != name:
                    yield Problem(
                        f"{colour}.language_groups.{name}.languages",
                        language,
                        f"a language that no other has; {owner} has it",
                    )


def recognisers_have_one_group(settings: Settings) -> Iterator[Problem]:
    """Refuse a recogniser in two groups of a colour, where its streams would count twice."""
    for colour, chosen in settings.colours():
        owners: dict[str, str] = {}
        for name, group in chosen.language_groups.items():
            for endpoint in group.endpoints:
                owner = owners.setdefault(endpoint.partition("/")[0].lower(), name)
                if owner != name:
                    yield Problem(
                        f"{colour}.language_groups.{name}.endpoints",
                        endpoint,
                        f"a recogniser that no other has; {owner} has it",
                    )


def a_key_is_never_shown_in_clear(settings: Settings) -> Iterator[Problem]:
    """Refuse a key for recognisers that a gateway would show in clear beyond its machine.

    A gateway in a container reaches its own recogniser by a name of Docker's, and refuses to start
    with a key and without TLS: it does not know that the name is of this machine.
    """
    if not settings.gateway.recogniser_key:
        return
    in_clear = {
        key
        for colour, chosen in settings.colours()
        for key, group in elsewhere(settings, chosen, colour)
        if group.tls == "none"
    }
    for key in sorted(in_clear):
        accepted = "public_ca, private_ca or mutual, as gateway.recogniser_key is true"
        yield Problem(f"{key}.tls", "none", accepted)
    for colour, chosen in settings.colours():
        if chosen.gateway_tag is not None and chosen.recogniser_tls == "off":
            accepted = f"false, or {colour}.recogniser_tls tls or mtls, or {colour}.gateway_bundle"
            yield Problem("gateway.recogniser_key", "true", accepted)


def own_tls_fits_that_to_others(settings: Settings) -> Iterator[Problem]:
    """Refuse TLS to a machine's own recogniser beside TLS to others that a gateway cannot do, too.

    A gateway believes one list of authorities, shows recognisers one certificate, and looks for one
    name in theirs, but for groups' own names.
    """
    fallback = settings.gateway.fallback
    for colour, chosen in settings.colours():
        own = chosen.recogniser_tls
        for key, group in elsewhere(settings, chosen, colour) if own != "off" else ():
            field = f"{colour}.recogniser_tls"
            if group.tls == "public_ca":
                yield Problem(field, own, f"off, as {key}.tls is public_ca")
            elif group.tls == "mutual" and own == "mtls":
                yield Problem(field, own, f"off or tls, as {key}.tls is mutual")
            elif group is fallback and group.tls != "none" and group.server_name is not None:
                yield Problem(field, own, f"off, as {key}.server_name is {group.server_name}")


def tls_has_one_authority(settings: Settings) -> Iterator[Problem]:
    """Refuse several kinds of TLS: a gateway has one authority and one certificate."""
    for colour, chosen in settings.colours():
        first: tuple[str, str] | None = None
        for key, group in elsewhere(settings, chosen, colour):
            if group.tls == "none":
                continue
            first = first or (key, group.tls)
            if group.tls != first[1]:
                accepted = f"none or {first[1]}, as {first[0]}.tls is {first[1]}"
                yield Problem(f"{key}.tls", group.tls, accepted)
