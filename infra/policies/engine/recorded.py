"""A recorded run of the program (JSON of `perch preview`'s recorder) as Pulumi shows it to a pack.

Nothing of the recorder is imported: its file is the interface.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

_UNKNOWN: Final = "[unknown]"
"""How the recorder writes a value that a preview cannot know."""


def read(document: object) -> list[PolicyResource]:
    """Return the resources of a recorded run, with the references between them.

    Raises:
        ValueError: the document is no recorded run; the message names the field.
    """
    found = document.get("resources") if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not found:
        raise ValueError("resources is missing or empty; accepted: the JSON of a recorded run")
    written = [_whole(item, place) for place, item in enumerate(found)]
    resources = {item["urn"]: _resource(item) for item in written}
    for item in written:
        resource = resources[item["urn"]]
        resource.parent = resources.get(item.get("parent", ""))
        resource.dependencies = _known(item.get("dependencies", ()), resources)
        resource.property_dependencies = {
            key: _known(urns, resources)
            for key, urns in item.get("propertyDependencies", {}).items()
        }
    return list(resources.values())


def alone(resource: PolicyResource) -> ResourceValidationArgs:
    """Return one resource as a policy about single resources sees it."""
    return ResourceValidationArgs(
        resource.resource_type,
        resource.props,
        resource.urn,
        resource.name,
        resource.opts,
        resource.provider,
    )


def _whole(item: object, place: int) -> Mapping[str, Any]:
    whole = item if isinstance(item, Mapping) else {}
    for field in ("urn", "type", "name", "inputs"):
        if field not in whole:
            raise ValueError(f"resources[{place}].{field} is missing; accepted: a recorded run")
    return whole


def _known(urns: Sequence[str], resources: Mapping[str, PolicyResource]) -> list[PolicyResource]:
    return [resources[urn] for urn in urns if urn in resources]


def _resource(item: Mapping[str, Any]) -> PolicyResource:
    return PolicyResource(
        item["type"],
        unknown_checking_proxy(_marked(dict(item["inputs"]))),
        item["urn"],
        item["name"],
        _options(item.get("options", {})),
        None,
        None,
        [],
        {},
    )


def _options(options: Mapping[str, Any]) -> PolicyResourceOptions:
    return PolicyResourceOptions(
        bool(options.get("protect")),
        list(options.get("ignoreChanges", ())),
        options.get("deleteBeforeReplace"),
        [],
        PolicyCustomTimeouts(0, 0, 0),
        list(options.get("additionalSecretOutputs", ())),
    )


def _marked(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the value with the recorder's mark of an unknown replaced by Pulumi's."""
    if isinstance(value, Mapping):
        return {key: _marked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_marked(one) for one in value]
    return UNKNOWN_STRING_VALUE if value == _UNKNOWN else value
