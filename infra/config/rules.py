"""Rules between configuration keys, one generator of problems each: every broken one speaks."""

from collections.abc import Callable, Iterator
from typing import Final

from infra.catalogue import gpu, models
from infra.config.machine import boot_problems, fallback_ports
from infra.config.name_rules import names_can_be_certified, tag_keys_are_free, time_zone_exists
from infra.config.sections import COLOURS, ColourSettings, Settings
from infra.reading.reader import Problem, show

ANYWHERE: Final = "0.0.0.0/0"
HTTPS_PORT: Final = 443
FULL_SHARE: Final = 100
HIGHEST_PORT: Final = 65_535


def _colours(settings: Settings) -> tuple[tuple[str, ColourSettings], ...]:
    return (("blue", settings.blue), ("green", settings.green))


def weights_share_everything(settings: Settings) -> Iterator[Problem]:
    """The weights are percentages of new sessions."""
    total = settings.blue.weight + settings.green.weight
    if total != FULL_SHARE:
        shares = f"{settings.blue.weight} and {settings.green.weight}"
        yield Problem(
            "blue.weight and green.weight", shares, f"two numbers whose sum is {FULL_SHARE}"
        )


def weight_needs_machines(settings: Settings) -> Iterator[Problem]:
    """A colour that gets sessions must be allowed to have a machine."""
    for name, colour in _colours(settings):
        if colour.weight and not colour.max_machines:
            yield Problem(
                f"{name}.max_machines", "0", f"1 or more, as {name}.weight is {colour.weight}"
            )


def machine_counts_are_ordered(settings: Settings) -> Iterator[Problem]:
    """Fewest machines must not exceed most machines."""
    for name, colour in _colours(settings):
        if colour.min_machines > colour.max_machines:
            yield Problem(
                f"{name}.min_machines",
                str(colour.min_machines),
                f"at most {name}.max_machines, which is {colour.max_machines}",
            )


def start_fits_the_bounds(settings: Settings) -> Iterator[Problem]:
    """What is started must be allowed."""
    for name, colour in _colours(settings):
        if colour.start_machines > colour.max_machines:
            yield Problem(
                f"{name}.start_machines",
                str(colour.start_machines),
                f"at most {name}.max_machines, which is {colour.max_machines}",
            )


def idle_machines_may_go(settings: Settings) -> Iterator[Problem]:
    """A group never goes below its minimum, so idleness could never take the last machine."""
    for name, colour in _colours(settings):
        if settings.scaling.idle_minutes is not None and colour.min_machines:
            yield Problem(
                f"{name}.min_machines",
                str(colour.min_machines),
                "0, as scaling.idle_minutes takes all machines away",
            )


def ports_differ(settings: Settings) -> Iterator[Problem]:
    """Three listeners on one machine need three ports."""
    for name, colour in _colours(settings):
        ports = (colour.gateway_port, colour.riva_grpc_port, colour.riva_http_port)
        if len(set(ports)) < len(ports):
            yield Problem(
                f"{name}.gateway_port, riva_grpc_port, riva_http_port",
                ", ".join(map(str, ports)),
                "three different ports",
            )


def anywhere_only_on_https(settings: Settings) -> Iterator[Problem]:
    """The whole Internet is let in on 443 and, unless said aloud, nowhere else."""
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
    """The redirect needs port 80 for itself."""
    if settings.load_balancer.http_redirect and settings.load_balancer.port == 80:  # noqa: PLR2004
        yield Problem(
            "load_balancer.port", "80", "another port, or load_balancer.http_redirect: false"
        )


def domain_has_a_zone(settings: Settings) -> Iterator[Problem]:
    """A name nobody publishes is of no use."""
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
    """A ping must arrive twice before the load balancer gives a quiet session up."""
    idle, ping = settings.load_balancer.idle_timeout_seconds, settings.gateway.ping_seconds
    if idle < 2 * ping:
        yield Problem(
            "load_balancer.idle_timeout_seconds",
            str(idle),
            f"at least {2 * ping}: twice gateway.ping_seconds",
        )


def zone_names_match(settings: Settings) -> Iterator[Problem]:
    """Named zones must be as many as asked for."""
    network = settings.network
    if network.zone_names and len(network.zone_names) != network.zones:
        yield Problem(
            "network.zone_names",
            show(network.zone_names),
            f"{network.zones} names (network.zones), or an empty list",
        )


def machines_can_reach_what_they_need(settings: Settings) -> Iterator[Problem]:
    """Without NAT, AWS is reached by endpoints and nothing else is reached at all."""
    network = settings.network
    if network.nat != "none" or network.adopt is not None:
        return
    if not network.interface_endpoints:
        yield Problem("network.interface_endpoints", "false", "true, as network.nat is none")
    for name, colour in _colours(settings):
        if ".dkr.ecr." not in colour.image:
            yield Problem(
                f"{name}.image", show(colour.image), "an image in ECR, as network.nat is none"
            )


def fallback_is_somewhere(settings: Settings) -> Iterator[Problem]:
    """A switch cannot be made in a position that it does not have."""
    if settings.gateway.recognition == "fallback" and settings.gateway.fallback is None:
        yield Problem("gateway.recognition", "fallback", "on or off, or gateway.fallback as well")


def fallback_ports_exist(settings: Settings) -> Iterator[Problem]:
    """A port that no packet can be sent to is a slip of the pen."""
    fallback = settings.gateway.fallback
    for endpoint in fallback.endpoints if fallback is not None else ():
        if max(fallback_ports((endpoint,)), default=0) > HIGHEST_PORT:
            yield Problem(
                "gateway.fallback.endpoints", endpoint, f"ports of at most {HIGHEST_PORT}"
            )


def image_is_pinned(settings: Settings) -> Iterator[Problem]:
    """What ran yesterday must be what runs tomorrow."""
    for name, colour in _colours(settings):
        try:
            reference = models.parse_reference(colour.image)
        except ValueError:
            reference = None
        if (
            reference is None
            or (reference.tag is None and reference.digest is None)
            or (reference.tag == "latest" and reference.digest is None)
        ):
            yield Problem(
                f"{name}.image",
                show(colour.image),
                "registry/repository with a pinned tag or digest, never latest",
            )


def selector_names_a_mode(settings: Settings) -> Iterator[Problem]:
    """A NIM whose selector matches no profile exits at once."""
    for name, colour in _colours(settings):
        if colour.runtime == "riva":
            continue
        try:
            selector = models.parse_selector(colour.selector)
        except ValueError as error:
            yield Problem(f"{name}.selector", show(colour.selector), f"key=value parts; {error}")
            continue
        modes = _modes(colour)
        if selector.get("mode") not in modes:
            yield Problem(
                f"{name}.selector",
                show(colour.selector),
                f"a selector with mode= one of {', '.join(modes)}",
            )


def _modes(colour: ColourSettings) -> tuple[str, ...]:
    image = _known_image(colour)
    return image.modes if image else models.MODES


def _known_image(colour: ColourSettings) -> models.Image | None:
    try:
        return models.IMAGES.get(models.parse_reference(colour.image).container)
    except ValueError:
        return None


def gateway_comes_one_way(settings: Settings) -> Iterator[Problem]:
    """The gateway is an image or a bundle; a bundle is named by what is in it."""
    for name, colour in _colours(settings):
        tag, bundle, digest = colour.gateway_tag, colour.gateway_bundle, colour.gateway_sha256
        if (tag is None) == (bundle is None):
            yield Problem(
                f"{name}.gateway_tag and {name}.gateway_bundle",
                f"{show(tag)} and {show(bundle)}",
                "exactly one of them",
            )
        if (bundle is None) != (digest is None):
            yield Problem(
                f"{name}.gateway_sha256",
                show(digest),
                "the bundle's SHA-256, and only with a bundle",
            )


def instance_types_are_known(settings: Settings) -> Iterator[Problem]:
    """Only machines with a GPU of which we know memory and capability."""
    for name, colour in _colours(settings):
        for kind in colour.instance_types:
            if kind not in gpu.MACHINES:
                yield Problem(f"{name}.instance_types", kind, f"of {', '.join(gpu.MACHINES)}")


def one_architecture_a_colour(settings: Settings) -> Iterator[Problem]:
    """Engines of one architecture do not load on another, and one cache serves the whole colour."""
    for name, colour in _colours(settings):
        found = {
            gpu.MACHINES[kind].gpu.architecture
            for kind in colour.instance_types
            if kind in gpu.MACHINES
        }
        if len(found) > 1:
            yield Problem(
                f"{name}.instance_types",
                show(colour.instance_types),
                f"types of one GPU architecture; these have {', '.join(sorted(found))}",
            )


def gpu_is_supported(settings: Settings) -> Iterator[Problem]:
    """Compute capability 8.0, unless a tag is pinned that is old enough for a T4."""
    floor = ".".join(map(str, gpu.MINIMUM_COMPUTE_CAPABILITY))
    for name, colour in _colours(settings):
        for kind in _unsupported(colour):
            image = _known_image(colour)
            newest = image.newest_for_turing if image else None
            old = (
                f", or an image tag of at most {newest[0]}.{newest[1]}"
                if newest
                else " (no tag of this image runs on it)"
            )
            card = gpu.MACHINES[kind].gpu
            capability = ".".join(map(str, card.compute_capability))
            yield Problem(
                f"{name}.instance_types",
                f"{kind} ({card.name}, compute capability {capability}) with {colour.image}",
                f"a GPU of compute capability {floor} or more{old}",
            )


def _unsupported(colour: ColourSettings) -> Iterator[str]:
    for kind in colour.instance_types:
        machine = gpu.MACHINES.get(kind)
        if machine is not None and not gpu.current(machine.gpu) and not _old_enough(colour):
            yield kind


def _old_enough(colour: ColourSettings) -> bool:
    image = _known_image(colour)
    if image is None or image.newest_for_turing is None:
        return False
    version = models.parse_reference(colour.image).version
    return version is not None and version <= image.newest_for_turing


def machines_could_start(settings: Settings) -> Iterator[Problem]:
    """What the boot would refuse on the machine, or during a deployment, is refused now."""
    for name in COLOURS:
        checked = {"image", "ports", "gateway_artifact", "gateway_artifact_sha256"}
        if settings.colour(name).runtime == "nim":
            checked.add("tags_selector")
        for said in boot_problems(name, settings):
            field, _, reason = said.partition(": ")
            if field not in checked:
                yield Problem(f"{name}: {field} on the machine", "refused", reason)


def selector_fits_memory(settings: Settings) -> Iterator[Problem]:
    """A profile that does not fit fails after a quarter of an hour of loading; say so now."""
    for name, colour in _colours(settings):
        needed = _memory_needed(colour)
        if needed is None:
            continue
        for kind in colour.instance_types:
            machine = gpu.MACHINES.get(kind)
            if machine is not None and machine.gpu.memory_gb < needed:
                yield Problem(
                    f"{name}.selector",
                    f"{colour.selector} on {kind} ({machine.gpu.name}, {machine.gpu.memory_gb} GB)",
                    f"a profile that fits; this one takes {needed:g} GB before overhead",
                )


def _memory_needed(colour: ColourSettings) -> float | None:
    image = _known_image(colour)
    if image is None or colour.runtime == "riva":
        return None
    try:
        return models.memory_needed(image, models.parse_selector(colour.selector))
    except ValueError:
        return None


RULES: Final[tuple[Callable[[Settings], Iterator[Problem]], ...]] = (
    weights_share_everything,
    weight_needs_machines,
    machine_counts_are_ordered,
    start_fits_the_bounds,
    idle_machines_may_go,
    ports_differ,
    anywhere_only_on_https,
    listener_ports_differ,
    domain_has_a_zone,
    idle_timeout_outlives_pings,
    zone_names_match,
    machines_can_reach_what_they_need,
    fallback_is_somewhere,
    fallback_ports_exist,
    image_is_pinned,
    selector_names_a_mode,
    gateway_comes_one_way,
    instance_types_are_known,
    one_architecture_a_colour,
    gpu_is_supported,
    machines_could_start,
    selector_fits_memory,
    tag_keys_are_free,
    names_can_be_certified,
    time_zone_exists,
)


def warnings_about(settings: Settings) -> Iterator[str]:
    """What works but should be known, in sentences."""
    for name, colour in _colours(settings):
        for kind in colour.instance_types:
            card = gpu.MACHINES[kind].gpu
            if not gpu.current(card):
                yield (
                    f"{name}: {kind} ({card.name}) is below the current Speech NIM's floor;"
                    f" it works only as long as {colour.image} can be pulled"
                )
        if colour.runtime == "nim" and _memory_needed(colour) is None:
            yield (
                f"{name}: how much GPU memory {colour.image} takes with {colour.selector}"
                " is not known; watch the first start"
            )
        if "mode=ofl" in colour.selector:
            yield f"{name}: {colour.selector} recognises files only; live sessions will be refused"
