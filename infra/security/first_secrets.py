"""What the secrets begin with that nobody gives and everybody needs at once."""

from typing import Final

import pulumi

from infra.authority import first_identity

NO_ACCESS: Final = '{"format":1}'
"""An access list that lets nobody in; `app.credentials.access_list` reads it."""


def first_secrets(environment: str) -> dict[str, pulumi.Output[str]]:
    """Return name -> first value, as secrets of Pulumi's.

    Args:
        environment: The stack's name, for the gateways' certificate.
    """
    return {
        "gateway_tls": pulumi.Output.secret(first_identity(environment)),
        "access_list": pulumi.Output.secret(NO_ACCESS),
    }
