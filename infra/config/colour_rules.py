"""Rules about what runs on the machines of a colour: image, selector, gateway, GPU, memory."""

from collections.abc import Iterator

from infra.catalogue import gpu, models
from infra.config.machine import boot_problems
from infra.config.sections import COLOURS, ColourSettings, Settings
from infra.reading.reader import Problem, show


def image_is_pinned(settings: Settings) -> Iterator[Problem]:
    """Refuse an image that may be another one tomorrow."""
    for name, colour in settings.colours():
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
    """Refuse a selector that matches no profile: such a NIM exits at once."""
    for name, colour in settings.colours():
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
    """Refuse a gateway that is not either an image or a bundle with its SHA-256."""
    for name, colour in settings.colours():
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
    """Refuse machines with a GPU of which memory and capability are not known."""
    for name, colour in settings.colours():
        for kind in colour.instance_types:
            if kind not in gpu.MACHINES:
                yield Problem(f"{name}.instance_types", kind, f"of {', '.join(gpu.MACHINES)}")


def one_architecture_a_colour(settings: Settings) -> Iterator[Problem]:
    """Refuse two GPU architectures in a colour: one cache of engines serves all of it."""
    for name, colour in settings.colours():
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
    for name, colour in settings.colours():
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
    """Refuse what the boot would refuse on the machine, or during a deployment."""
    for name in COLOURS:
        checked = {"image", "ports", "gateway_artifact", "gateway_artifact_sha256"}
        if settings.colour(name).runtime == "nim":
            checked.add("tags_selector")
        for said in boot_problems(name, settings):
            field, _, reason = said.partition(": ")
            if field not in checked:
                yield Problem(f"{name}: {field} on the machine", "refused", reason)


def selector_fits_memory(settings: Settings) -> Iterator[Problem]:
    """Refuse a profile that would fail to fit after a quarter of an hour of loading."""
    for name, colour in settings.colours():
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


def warnings_about(settings: Settings) -> Iterator[str]:
    """Yield what works but should be known, in sentences."""
    for name, colour in settings.colours():
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
