"""Rules about what runs on the machines of a colour: image, selector, gateway, GPU, memory."""

from collections.abc import Iterator

from infra.catalogue import gpu, models
from infra.config.colour import ColourSettings
from infra.config.machine import boot_problems
from infra.config.name_rules import LOCALHOST
from infra.config.sections import COLOURS, Colour, Settings
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


def nvidias_registry_has_its_key(settings: Settings) -> Iterator[Problem]:
    """Refuse to pull from NVIDIA's registry without a key."""
    for name, colour in settings.colours():
        if not colour.ngc_key and colour.image.startswith("nvcr.io/"):
            yield Problem(
                f"{name}.ngc_key", "false", f"true, or an image elsewhere than {colour.image}"
            )


def models_come_from_somewhere(settings: Settings) -> Iterator[Problem]:
    """Refuse RMIR files for a NIM, which would not look at them."""
    for name, colour in settings.colours():
        if colour.rmirs and colour.runtime == "nim":
            yield Problem(f"{name}.rmirs", show(colour.rmirs), f"none, or {name}.runtime: riva")


def rate_is_of_a_snapshot(settings: Settings) -> Iterator[Problem]:
    """Refuse a rate for a volume that nothing is brought to."""
    for name, colour in settings.colours():
        if colour.snapshot_mib_per_second is not None and colour.snapshot_id is None:
            yield Problem(
                f"{name}.snapshot_mib_per_second",
                str(colour.snapshot_mib_per_second),
                f"null, or {name}.snapshot_id as well",
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
        checked = {"image", "ports", "gateway_artifact", "gateway_artifact_sha256", "rmirs"}
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


def machine_image_is_pinned(settings: Settings) -> Iterator[Problem]:
    """Refuse an image that is another one next week, where nothing is to roll by itself."""
    if settings.disposable or settings.domain.name == LOCALHOST:
        return
    for name, colour in settings.colours():
        if colour.ami_id is None:
            yield Problem(
                f"{name}.ami_id",
                "null",
                "an id ami-..., as disposable is false: AWS replaces the image behind"
                f" {name}.ami_parameter about every week; `perch ami --colour {name} --pin`"
                " writes the current one",
            )


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
            if (count := gpu.MACHINES[kind].gpus) > 1:
                yield f"{name}: {kind} has {count} GPUs, of which the recogniser takes one"
        yield from _spot_warnings(name, colour)
        if colour.runtime == "nim":
            yield from _host_warnings(name, colour)
        if colour.runtime == "nim" and _memory_needed(colour) is None:
            yield (
                f"{name}: how much GPU memory {colour.image} takes with {colour.selector}"
                " is not known; watch the first start"
            )
        if "mode=ofl" in colour.selector:
            yield f"{name}: {colour.selector} recognises files only; live sessions will be refused"


def _spot_warnings(name: Colour, colour: ColourSettings) -> Iterator[str]:
    """Yield what spot machines may do to sessions (EC2 User Guide, spot interruptions)."""
    if not colour.spot_percent:
        return
    if colour.spot_percent == 100 and not colour.on_demand_base:  # noqa: PLR2004 - percent
        yield (
            f"{name}: AWS may take every machine back within two minutes, and another one needs a"
            f" start; {name}.on_demand_base keeps some"
        )
    if len(colour.instance_types) < 2:  # noqa: PLR2004 - one pool a type and zone
        yield (
            f"{name}: spot machines of one type run out together; give {name}.instance_types more"
        )


def _host_warnings(name: Colour, colour: ColourSettings) -> Iterator[str]:
    """Yield which machines may have too little main memory for a NIM."""
    for kind in colour.instance_types:
        host = gpu.MACHINES[kind].memory_gib
        if host < gpu.ROOMY_HOST_GIB:
            yield (
                f"{name}: {kind} has {host} GiB of main memory, of which the recogniser may take"
                f" {gpu.SHARED_MEMORY_GB} GB as shared memory alone; watch the first start, or take"
                f" a type with {gpu.ROOMY_HOST_GIB} GiB"
            )
