"""What the secrets begin with that nobody gives and everybody needs at once."""

from collections.abc import Collection
from typing import Final

import pulumi

from infra.authority import first_identity, first_recogniser_identity

NO_ACCESS: Final = '{"format":1}'
"""An access list that lets nobody in; `app.credentials.access_list` reads it."""


def first_secrets(environment: str, wanted: Collection[str]) -> dict[str, pulumi.Output[str]]:
    """Return name -> first value, as secrets of Pulumi's.

    Args:
        environment: The stack's name, for the names in certificates.
        wanted: Which of the configured secrets the stack has.
    """
    first = {
        "gateway_tls": pulumi.Output.secret(first_identity(environment)),
        "access_list": pulumi.Output.secret(NO_ACCESS),
    }
    if "recogniser_tls" in wanted:
        first["recogniser_tls"] = pulumi.Output.secret(first_recogniser_identity(environment))
    return first
