"""Names for resources that the program does not name, as the provider makes them.

Source: pulumi/pulumi-terraform-bridge, pkg/tfbridge/names.go: the logical name, a dash and seven
hexadecimal digits from the engine's random seed; a name that is too long is refused, not cut; what
was named so keeps its name.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from ops.offline.errors import OfflineError
from ops.offline.plugin.resources import DEFAULTS
from ops.offline.provider.autonamed import autonamed

DIGITS: Final = 7


def names(
    token: str, logical: str, news: Mapping[str, Any], olds: Mapping[str, Any], seed: bytes
) -> dict[str, Any]:
    """Return the inputs that give a resource its name; empty where the program gives one.

    Args:
        token: The type.
        logical: The resource's name in the program.
        news: Inputs as the program has them.
        olds: Inputs of the last deployment, empty for a new resource.
        seed: The engine's random seed: the same for a resource in the preview and in what follows.

    Raises:
        OfflineError: The name would be longer than the service takes.
    """
    named = autonamed(token)
    if named is None or named.key in news or f"{named.key}Prefix" in news:
        return {}
    if named.key in olds.get(DEFAULTS, ()):
        return {named.key: olds[named.key], DEFAULTS: [named.key]}
    digits = hashlib.sha256(seed + logical.encode()).hexdigest()[:DIGITS]
    name = f"{logical}-{digits}"
    if len(name) > named.longest:
        raise OfflineError(
            f"{named.key}: {name!r} has {len(name)} characters with the {DIGITS} random ones;"
            f" accepted: at most {named.longest}. Name it, or shorten its name in the program"
        )
    return {named.key: name, DEFAULTS: [named.key]}
