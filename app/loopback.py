"""What is this machine, for everybody who must not ask a proxy or another machine for it."""

import ipaddress


def is_this_machine(host: str) -> bool:
    """Say whether what is sent to a host stays on this machine.

    Args:
        host: A name, or an address without brackets.
    """
    # Not the names below it: whether a resolver knows them to be here is its own affair.
    if host.lower().removesuffix(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
