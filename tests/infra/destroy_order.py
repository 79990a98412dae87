"""In which order `pulumi destroy` deletes, computed from a recording as the engine does."""

from ops.offline.engine.recording import Recording, Resource


def waves(recording: Recording) -> list[dict[str, Resource]]:
    """Return what is deleted together, by URN, the first wave first.

    Each wave is deleted in parallel, and only then the next one: `ScheduleDeletes` of pulumi/pulumi
    (pkg/resource/deploy/step_generator.go) and `DependenciesOf` (pkg/resource/graph). A wave
    that meets an error is the last.
    """
    depth: dict[str, int] = {}
    for urn in recording.resources:
        known = [depth[other] for other in _needed(urn, recording) if other in depth]
        depth[urn] = 1 + max(known, default=0)
    found: list[dict[str, Resource]] = [{} for _ in range(max(depth.values()))]
    for urn, level in depth.items():
        found[-level][urn] = recording.resources[urn]
    return found


def goes_after(recording: Recording, first: str) -> set[str]:
    """Return the URNs of all that is deleted only when a resource is gone, step by step."""
    reached: set[str] = set()
    todo = [first]
    while todo:
        for urn in _needed(todo.pop(), recording) - reached:
            reached.add(urn)
            todo.append(urn)
    return reached


def _needed(urn: str, recording: Recording) -> set[str]:
    resource = recording.resources[urn]
    linked = {one for urns in resource.property_dependencies.values() for one in urns}
    needed = {*resource.dependencies, *linked, resource.parent, resource.provider}
    if held := resource.options.get("deletedWith"):
        needed.add(held)
    return needed & recording.resources.keys() - {urn}
