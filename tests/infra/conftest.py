"""Loads the AWS SDK's packages before any test module needs them."""

import warnings

# Importing a service's package warns of the SDK's own deprecated classes, used or not, and here
# warnings are errors. What we use ourselves is still checked: by mypy, and by the SDK's log.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"(aws|s3)\..* has been deprecated", DeprecationWarning)
    from infra.entrance import load_balancer, web_acl
    from infra.machines import scaling
    from infra.network import network
    from infra.observability import alarms, dashboard
    from infra.storage import storage

__all__ = ["alarms", "dashboard", "load_balancer", "network", "scaling", "storage", "web_acl"]
