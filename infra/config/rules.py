"""Rules between configuration keys, one generator of problems each: every broken one speaks.

Those about what a colour's machines run are in `infra.config.colour_rules`, those about who may
speak in `infra.config.access_rules`, those about what AWS takes in `infra.config.name_rules`; all
of them are listed here.
"""

from collections.abc import Callable, Iterator
from typing import Final

from infra.config.access_rules import (
    internet_shows_who_it_is,
    strangers_are_let_in_on_purpose,
)
from infra.config.colour_rules import (
    gateway_comes_one_way,
    gpu_is_supported,
    image_is_pinned,
    instance_types_are_known,
    machine_image_is_pinned,
    machines_could_start,
    models_come_from_somewhere,
    nvidias_registry_has_its_key,
    one_architecture_a_colour,
    rate_is_of_a_snapshot,
    selector_fits_memory,
    selector_names_a_mode,
)
from infra.config.elsewhere_rules import (
    a_key_is_never_shown_in_clear,
    fallback_is_somewhere,
    languages_have_one_group,
    own_tls_fits_that_to_others,
    ports_elsewhere_exist,
    recognisers_have_one_group,
    tls_has_one_authority,
)
from infra.config.name_rules import names_can_be_certified, tag_keys_are_free, time_zone_exists
from infra.config.sections import Settings
from infra.reading.reader import Problem, show

ANYWHERE: Final = "0.0.0.0/0"
HTTPS_PORT: Final = 443
FULL_SHARE: Final = 100


def weights_share_everything(settings: Settings) -> Iterator[Problem]:
    """Refuse weights, which are percentages of new sessions, whose sum is not 100."""
    total = settings.blue.weight + settings.green.weight
    if total != FULL_SHARE:
        shares = f"{settings.blue.weight} and {settings.green.weight}"
        yield Problem(
            "blue.weight and green.weight", shares, f"two numbers whose sum is {FULL_SHARE}"
        )


def weight_needs_machines(settings: Settings) -> Iterator[Problem]:
    """Refuse sessions for a colour that may have no machine."""
    for name, colour in settings.colours():
        if colour.weight and not colour.max_machines:
            yield Problem(
                f"{name}.max_machines", "0", f"1 or more, as {name}.weight is {colour.weight}"
            )


def machine_counts_are_ordered(settings: Settings) -> Iterator[Problem]:
    """Refuse fewest machines above most machines."""
    for name, colour in settings.colours():
        if colour.min_machines > colour.max_machines:
            yield Problem(
                f"{name}.min_machines",
                str(colour.min_machines),
                f"at most {name}.max_machines, which is {colour.max_machines}",
            )


def start_fits_the_bounds(settings: Settings) -> Iterator[Problem]:
    """Refuse to start more machines than are allowed."""
    for name, colour in settings.colours():
        if colour.start_machines > colour.max_machines:
            yield Problem(
                f"{name}.start_machines",
                str(colour.start_machines),
                f"at most {name}.max_machines, which is {colour.max_machines}",
            )


def spot_leaves_what_it_says(settings: Settings) -> Iterator[Problem]:
    """Refuse a base of on-demand machines that means nothing, or that no group can have."""
    for name, colour in settings.colours():
        base = colour.on_demand_base
        if base and not colour.spot_percent:
            yield Problem(f"{name}.on_demand_base", str(base), f"0, as {name}.spot_percent is 0")
        elif base > colour.max_machines:
            yield Problem(
                f"{name}.on_demand_base",
                str(base),
                f"at most {name}.max_machines, which is {colour.max_machines}",
            )


def idle_machines_may_go(settings: Settings) -> Iterator[Problem]:
    """Refuse a minimum where idleness takes the last machine: a group never goes below it."""
    for name, colour in settings.colours():
        if settings.scaling.idle_minutes is not None and colour.min_machines:
            yield Problem(
                f"{name}.min_machines",
                str(colour.min_machines),
                "0, as scaling.idle_minutes takes all machines away",
            )


def clock_leaves_stopping_to_idleness(settings: Settings) -> Iterator[Problem]:
    """Refuse office hours after which nothing would take the last machine."""
    scaling = settings.scaling
    if scaling.office_hours is None or scaling.idle_minutes is not None:
        return
    for name, colour in settings.colours():
        if colour.start_machines and not colour.min_machines:
            yield Problem(
                "scaling.idle_minutes",
                "null",
                f"a number of minutes, as scaling.office_hours start {name}.start_machines and"
                " only idleness stops the last one",
            )


def ports_differ(settings: Settings) -> Iterator[Problem]:
    """Refuse one port for two of a machine's three listeners."""
    for name, colour in settings.colours():
        ports = (colour.gateway_port, colour.riva_grpc_port, colour.riva_http_port)
        if len(set(ports)) < len(ports):
            yield Problem(
                f"{name}.gateway_port, riva_grpc_port, riva_http_port",
                ", ".join(map(str, ports)),
                "three different ports",
            )


def anywhere_only_on_https(settings: Settings) -> Iterator[Problem]:
    """Refuse the whole Internet on ports other than 443, unless said aloud."""
    balancer, access = settings.load_balancer, settings.access
    if ANYWHERE not in access.allowed_cidrs or access.anywhere_on_other_ports:
        return
    needed = "another range, or access.anywhere_on_other_ports: true"
    if balancer.port != HTTPS_PORT:
        yield Problem("access.allowed_cidrs", f"{ANYWHERE} on port {balancer.port}", needed)
    if balancer.http_redirect:
        yield Problem(
            "access.allowed_cidrs",
            f"{ANYWHERE} on port 80",
            f"{needed}, or load_balancer.http_redirect: false",
        )


def listener_ports_differ(settings: Settings) -> Iterator[Problem]:
    """Refuse port 80 for the listener while the redirect needs it."""
    if settings.load_balancer.http_redirect and settings.load_balancer.port == 80:  # noqa: PLR2004
        yield Problem(
            "load_balancer.port", "80", "another port, or load_balancer.http_redirect: false"
        )


def domain_has_a_zone(settings: Settings) -> Iterator[Problem]:
    """Refuse a name that nobody publishes, and one that two publish."""
    domain = settings.domain
    if domain.zone_id is None and not domain.external_dns:
        yield Problem(
            "domain.zone_id",
            f"null while domain.name is {domain.name}",
            "a Route 53 zone id, or domain.external_dns: true when the name is kept elsewhere",
        )
    if domain.zone_id is not None and domain.external_dns:
        yield Problem("domain.external_dns", "true", "false, as domain.zone_id is given")


def idle_timeout_outlives_pings(settings: Settings) -> Iterator[Problem]:
    """Refuse an idle timeout in which no ping can be lost."""
    idle, ping = settings.load_balancer.idle_timeout_seconds, settings.gateway.ping_seconds
    if idle < 2 * ping:
        yield Problem(
            "load_balancer.idle_timeout_seconds",
            str(idle),
            f"at least {2 * ping}: twice gateway.ping_seconds",
        )


def zone_names_match(settings: Settings) -> Iterator[Problem]:
    """Refuse more or fewer named zones than asked for."""
    network = settings.network
    if network.zone_names and len(network.zone_names) != network.zones:
        yield Problem(
            "network.zone_names",
            show(network.zone_names),
            f"{network.zones} names (network.zones), or an empty list",
        )


def machines_can_reach_what_they_need(settings: Settings) -> Iterator[Problem]:
    """Refuse a network without NAT that lacks endpoints, or images outside ECR with it."""
    network = settings.network
    if network.nat != "none" or network.adopt is not None:
        return
    if not network.interface_endpoints:
        yield Problem("network.interface_endpoints", "false", "true, as network.nat is none")
    for name, colour in settings.colours():
        # Not its dual-stack hosts, which endpoints inside a VPC do not serve.
        if ".dkr.ecr." not in colour.image:
            yield Problem(
                f"{name}.image", show(colour.image), "an image in ECR, as network.nat is none"
            )
        if colour.ngc_key:
            yield Problem(
                f"{name}.ngc_key",
                "true",
                "false, as network.nat is none and models come from the cache alone",
            )


def disposable_goes_whole(settings: Settings) -> Iterator[Problem]:
    """Refuse that one resource stops a destroy that has begun."""
    if settings.disposable and settings.load_balancer.deletion_protection:
        yield Problem(
            "load_balancer.deletion_protection",
            "true",
            "false, as disposable is true: AWS would refuse when most is gone already",
        )


RULES: Final[tuple[Callable[[Settings], Iterator[Problem]], ...]] = (
    weights_share_everything,
    weight_needs_machines,
    machine_counts_are_ordered,
    start_fits_the_bounds,
    spot_leaves_what_it_says,
    idle_machines_may_go,
    clock_leaves_stopping_to_idleness,
    ports_differ,
    anywhere_only_on_https,
    strangers_are_let_in_on_purpose,
    internet_shows_who_it_is,
    listener_ports_differ,
    domain_has_a_zone,
    idle_timeout_outlives_pings,
    zone_names_match,
    machines_can_reach_what_they_need,
    disposable_goes_whole,
    fallback_is_somewhere,
    ports_elsewhere_exist,
    languages_have_one_group,
    recognisers_have_one_group,
    a_key_is_never_shown_in_clear,
    tls_has_one_authority,
    own_tls_fits_that_to_others,
    image_is_pinned,
    selector_names_a_mode,
    gateway_comes_one_way,
    nvidias_registry_has_its_key,
    models_come_from_somewhere,
    rate_is_of_a_snapshot,
    instance_types_are_known,
    one_architecture_a_colour,
    gpu_is_supported,
    machines_could_start,
    selector_fits_memory,
    machine_image_is_pinned,
    tag_keys_are_free,
    names_can_be_certified,
    time_zone_exists,
)
