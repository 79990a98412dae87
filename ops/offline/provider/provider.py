"""Answers registrations by creating them, and refuses what stands on an answer nobody gave."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.offline.engine import sdk, wire
from ops.offline.engine.recording import Invoke, Resource, State
from ops.offline.errors import OfflineError
from ops.offline.provider import functions
from ops.offline.provider.api import AwsApi
from ops.offline.provider.create_request import CreateRequest, CreateResult
from ops.offline.provider.handlers import HANDLERS

UNSET = "<<UNSET "
"""Begins what stands for an output that no handler computed: `<<UNSET Type.name.property>>`."""

UNSET_NUMBER = -9007199254740991
"""The same for numbers: the smallest integer that JSON keeps exactly."""

_LEAVES = sdk.Leaves(
    text=lambda path: f"{UNSET}{path}>>",
    number=lambda _path: UNSET_NUMBER,
    # A flag has no third value: left out, it reads as None.
    flag=lambda _path: None,
)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """What a provider resource, or the stack's `aws:` configuration, sets for its resources."""

    region: str
    default_tags: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class AwsProvider:
    """Creates every resource through boto3.

    Attributes:
        api: where.
        account: the account that ARNs name.
        default: region and default tags of resources that name no provider.
        unsupported: URN -> why that resource exists on paper only.
    """

    api: AwsApi
    account: str
    default: ProviderConfig
    unsupported: dict[str, str] = field(default_factory=dict)
    _providers: dict[str, ProviderConfig] = field(default_factory=dict)

    def create(self, resource: Resource) -> State:
        """Create one resource.

        Raises:
            OfflineError: nothing creates this type, an input is refused or has no place, or an
                input was made from an output that no handler computed.
        """
        refuse_unset(resource.label, resource.inputs)
        if resource.type.startswith("pulumi:providers:"):
            return self._remember_provider(resource)
        if resource.read or resource.import_id:
            raise OfflineError(
                f"{resource.import_id}: reading or importing what exists already is not implemented"
                f" for {resource.type}; pass its id as configuration"
            )
        handler = HANDLERS.get(resource.type)
        if handler is None:
            raise OfflineError(
                f"no handler for the type {resource.type};"
                " add a row or a function for it to a module of ops/offline/provider/handlers"
            )
        provider = self._providers.get(resource.provider, self.default)
        request = CreateRequest(
            resource=resource,
            region=str(resource.inputs.get("region") or provider.region),
            account=self.account,
            api=self.api,
            inputs=effective_inputs(resource, provider.default_tags),
        )
        created = handler(request)
        if request.inputs:
            raise OfflineError(
                f"no place for {', '.join(sorted(request.inputs))} of {resource.type};"
                " add it where this type is created, below ops/offline/provider/handlers"
            )
        if created.unsupported:
            self.unsupported[resource.urn] = created.unsupported
        return _state(resource, request.region, provider.default_tags, created)

    def invoke(self, call: Invoke) -> Mapping[str, Any]:
        """Answer a look-up from the same endpoint."""
        refuse_unset(call.token, call.arguments)
        region = str(call.arguments.get("region") or self.default.region)
        return functions.answer(self.api, region, call)

    def check_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Refuse a stack output that no handler computed."""
        refuse_unset("stack outputs", outputs)

    def _remember_provider(self, resource: Resource) -> State:
        region = str(resource.inputs.get("region") or self.default.region)
        self._providers[resource.urn] = ProviderConfig(
            region, default_tags(resource.inputs.get("defaultTags"))
        )
        return State(id=resource.name, outputs=resource.inputs)


def default_provider(config: Mapping[str, str]) -> ProviderConfig:
    """Return what `aws:` configuration says of resources that name no provider."""
    return ProviderConfig(
        config.get("aws:region", "us-east-1"), default_tags(config.get("aws:defaultTags"))
    )


def default_tags(value: object) -> dict[str, str]:
    """Return the provider's default tags, which arrive as an object or as its JSON."""
    parsed = json.loads(value) if isinstance(value, str) and value else value
    tags = parsed.get("tags") if isinstance(parsed, Mapping) else None
    return {str(key): str(item) for key, item in tags.items()} if tags else {}


def tags_by_default(inputs: Mapping[str, Any], default: Mapping[str, str]) -> Mapping[str, str]:
    """Return the provider's default tags as a resource takes them: an object may override them."""
    override = inputs.get("overrideProvider")
    return default if override is None else default_tags(override.get("defaultTags"))


def refuse_unset(who: str, values: Mapping[str, Any]) -> None:
    """Raise when a value was made from an output that no handler computed.

    Raises:
        OfflineError: names the consumer, the path, and the output.
    """
    for path, value in wire.scalars(values):
        if isinstance(value, str) and UNSET in value:
            start = value.index(UNSET) + len(UNSET)
            output = value[start:].split(">>")[0]
        elif str(UNSET_NUMBER) in str(value):  # a program may have put the number into a text
            output = "a number"
        else:
            continue
        raise OfflineError(
            f"{who}: {wire.dotted(path)} stands on {output}, an output that nothing here computes;"
            " compute it where its type is created, below ops/offline/provider/handlers"
        )


def without_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those that no handler computed, which AWS's provider leaves empty."""
    return {
        key: value
        for key, value in values.items()
        if not any(_is_unset(scalar) for _, scalar in wire.scalars(value))
    }


def _is_unset(value: object) -> bool:
    return (isinstance(value, str) and UNSET in value) or str(UNSET_NUMBER) in str(value)


def effective_inputs(resource: Resource, default: Mapping[str, str]) -> dict[str, Any]:
    """Return what a handler works with: default tags merged in, the region taken out."""
    inputs = {
        key: value
        for key, value in resource.inputs.items()
        if key != "region" and value is not None
    }
    # Auto scaling groups write tags in a form of their own, and the provider adds no defaults to
    # them.
    takes_tags = "tagsAll" in sdk.output_types(resource.type)
    default = tags_by_default(resource.inputs, default)
    if takes_tags and (default or isinstance(inputs.get("tags"), Mapping)):
        inputs["tags"] = {**default, **inputs.get("tags", {})}
    if inputs.get("tags") == {}:
        del inputs["tags"]
    return inputs


def _state(
    resource: Resource, region: str, default: Mapping[str, str], created: CreateResult
) -> State:
    declared = sdk.output_types(resource.type)
    outputs = {**resource.inputs, **created.outputs}
    if "region" in declared:
        outputs["region"] = region
    if "tagsAll" in declared:
        default = tags_by_default(resource.inputs, default)
        outputs["tagsAll"] = {**default, **resource.inputs.get("tags", {})}
    label = f"{resource.type.rsplit(':', 1)[-1]}.{resource.name}"
    outputs |= sdk.fill(resource.type, outputs, _LEAVES, label)
    secret = {str(path[0]) for path in resource.secret_inputs}
    secret |= set(resource.options.get("additionalSecretOutputs", ()))
    return State(id=created.id, outputs=outputs, secret_outputs=frozenset(secret & set(outputs)))
