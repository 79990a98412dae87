"""What a change of each configuration key does to a stack that exists.

The words stand in docs/configuration.md. A test changes every key and holds them against the plan.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Effect(StrEnum):
    """What `pulumi up` does, in the order in which a person wants to know it."""

    REFUSED = "refused"
    """The stack was made with the old value, or what carries traffic is protected."""
    NAME = "replaces the name"
    CERTIFICATE = "replaces the certificate"
    MACHINES = "rolls machines"
    """New ones are started, one after the other, and the old ones drain."""
    IN_PLACE = "in place"
    NOTHING = "nothing"
    """It counts when the stack is made, permits something, or is told to `perch` alone."""


_REFUSED: Final = (Effect.REFUSED,)
_MACHINES: Final = (Effect.MACHINES,)
_IN_PLACE: Final = (Effect.IN_PLACE,)
_NOTHING: Final = (Effect.NOTHING,)

EFFECTS: Final[Mapping[str, tuple[Effect, ...]]] = {
    "owner": _MACHINES,
    "account_id": _IN_PLACE,
    "permissions_boundary_arn": _IN_PLACE,
    "disposable": _IN_PLACE,
    "tags": _MACHINES,
    "network.cidr": _REFUSED,
    "network.zones": _IN_PLACE,
    "network.zone_names": _REFUSED,
    "network.nat": _IN_PLACE,
    "network.interface_endpoints": _IN_PLACE,
    "network.flow_logs": _IN_PLACE,
    "network.connect_endpoint": _IN_PLACE,
    "network.scrape_cidrs": _MACHINES,
    "network.adopt.vpc_id": _REFUSED,
    "network.adopt.public_subnet_ids": _IN_PLACE,
    "network.adopt.private_subnet_ids": _IN_PLACE,
    "access.allowed_cidrs": _IN_PLACE,
    "access.anywhere_on_other_ports": _NOTHING,
    "domain.name": _REFUSED,
    "domain.alternative_names": (Effect.CERTIFICATE, Effect.MACHINES),
    "domain.zone_id": _REFUSED,
    "domain.external_dns": _REFUSED,
    "certificate.arn": (Effect.CERTIFICATE,),
    "certificate.ca_path": _NOTHING,
    "load_balancer.port": _IN_PLACE,
    "load_balancer.http_redirect": _IN_PLACE,
    "load_balancer.internal": _REFUSED,
    "load_balancer.tls_policy": _IN_PLACE,
    "load_balancer.idle_timeout_seconds": _IN_PLACE,
    "load_balancer.deletion_protection": _IN_PLACE,
    "load_balancer.access_logs": _IN_PLACE,
    "load_balancer.direct_header": _IN_PLACE,
    "load_balancer.direct_cidrs": _IN_PLACE,
    "load_balancer.waf": _IN_PLACE,
    "load_balancer.waf_requests_per_5_minutes": _IN_PLACE,
    "gateway.ping_seconds": _MACHINES,
    "gateway.drain_seconds": _MACHINES,
    "gateway.tokens": _MACHINES,
    "gateway.anonymous": _MACHINES,
    "gateway.recogniser_key": _MACHINES,
    "gateway.max_sessions": _MACHINES,
    "gateway.riva_streams": _MACHINES,
    "gateway.recognition": _NOTHING,
    "gateway.fallback.endpoints": _MACHINES,
    "gateway.fallback.cidrs": _IN_PLACE,
    "gateway.fallback.tls": _MACHINES,
    "gateway.fallback.server_name": _MACHINES,
    "gateway.traces.endpoint": _MACHINES,
    "gateway.traces.cidrs": _IN_PLACE,
    "gateway.traces.protocol": _MACHINES,
    "gateway.traces.sample_percent": _MACHINES,
    "gateway.dialects": _MACHINES,
    "gateway.environment": _MACHINES,
    "blue.image": _MACHINES,
    "blue.runtime": _MACHINES,
    "blue.selector": _MACHINES,
    "blue.model": _MACHINES,
    "blue.language_groups.<name>.endpoints": _MACHINES,
    "blue.language_groups.<name>.cidrs": _IN_PLACE,
    "blue.language_groups.<name>.tls": _MACHINES,
    "blue.language_groups.<name>.server_name": _MACHINES,
    "blue.language_groups.<name>.languages": _MACHINES,
    "blue.language_groups.<name>.model": _MACHINES,
    "blue.language_groups.<name>.streams": _MACHINES,
    "blue.recogniser_environment": _MACHINES,
    "blue.recogniser_tls": _MACHINES,
    "blue.ngc_key": _MACHINES,
    "blue.rmirs": _MACHINES,
    "blue.gateway_tag": _MACHINES,
    "blue.gateway_bundle": _MACHINES,
    "blue.gateway_sha256": _MACHINES,
    "blue.instance_types": _MACHINES,
    "blue.min_machines": _IN_PLACE,
    "blue.max_machines": _IN_PLACE,
    "blue.start_machines": _IN_PLACE,
    "blue.spot_percent": _IN_PLACE,
    "blue.on_demand_base": _IN_PLACE,
    "blue.weight": _NOTHING,
    "blue.volume_gib": _MACHINES,
    "blue.snapshot_id": _MACHINES,
    "blue.snapshot_mib_per_second": _MACHINES,
    "blue.instance_store": _MACHINES,
    "blue.ami_parameter": _NOTHING,
    "blue.ami_id": _MACHINES,
    "blue.gateway_port": _REFUSED,
    "blue.riva_grpc_port": _MACHINES,
    "blue.riva_http_port": _MACHINES,
    "scaling.streams_per_machine": _IN_PLACE,
    "scaling.idle_minutes": _IN_PLACE,
    "scaling.ready_minutes": _MACHINES,
    "scaling.office_hours.start": _IN_PLACE,
    "scaling.office_hours.stop": _IN_PLACE,
    "scaling.office_hours.time_zone": _IN_PLACE,
    "observability.log_retention_days": _IN_PLACE,
    "observability.alarm_emails": _IN_PLACE,
    "observability.monthly_budget_usd": _IN_PLACE,
}
"""Key -> what its change does where nothing is disposable; the keys of green are those of blue."""

WHERE_DISPOSABLE: Final[Mapping[str, tuple[Effect, ...]]] = {
    "domain.name": (Effect.NAME, Effect.CERTIFICATE, Effect.MACHINES),
    "domain.zone_id": (Effect.NAME,),
    "domain.external_dns": (Effect.NAME,),
    # Where ami_id is null.
    "blue.ami_parameter": _MACHINES,
}
"""The same where `disposable` is true and nothing is protected, as far as it differs."""


def effect_of(key: str) -> str:
    """Return what the page says of a key's change.

    Raises:
        ValueError: nobody has said what it does.
    """
    if key not in EFFECTS:
        raise ValueError(
            f"EFFECTS in {__name__} lacks {key}; accepted: what a change of every key does"
        )
    said = ", ".join(EFFECTS[key])
    otherwise = WHERE_DISPOSABLE.get(key)
    return said if otherwise is None else f"{said}; where disposable: {', '.join(otherwise)}"
