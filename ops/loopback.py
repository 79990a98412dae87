"""This machine, as no proxy is the way to."""

from collections.abc import Mapping

NAMES = ("localhost", "127.0.0.1", "::1")
"""Everything a person may write for this machine."""


def no_proxy_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep HTTP clients from asking a proxy for this machine.

    Args:
        environment: Variables as they are; what they exempt already stays exempt.
    """
    named = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    exempt = ",".join([*filter(None, named.split(",")), *NAMES])
    return {"NO_PROXY": exempt, "no_proxy": exempt}
