"""The methods of Pulumi's provider protocol, each as the AWS provider answers it.

Source: pulumi/pulumi, proto/pulumi/provider.proto, whose names these are.
"""

import importlib.metadata
import json
import threading
from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from ops.offline.diff.rules import NEW_VERSION_ON_UPDATE
from ops.offline.engine import wire
from ops.offline.engine.recording import Invoke, Resource, State
from ops.offline.errors import OfflineError
from ops.offline.plugin import resources
from ops.offline.plugin.autonaming import names
from ops.offline.plugin.differences import Differences, Kind, compare, same_text
from ops.offline.provider import lifecycle
from ops.offline.provider.api import AwsApi
from ops.offline.provider.provider import (
    AwsProvider,
    ProviderConfig,
    default_tags,
    effective_inputs,
    without_unset,
)

_VERSION = importlib.metadata.version("pulumi-aws")

_SECRET_ANSWERS: Mapping[str, frozenset[str]] = {
    # pragma: allowlist nextline secret
    "aws:secretsmanager/getRandomPassword:getRandomPassword": frozenset({"randomPassword"}),
    "aws:ssm/getParameter:getParameter": frozenset({"value"}),
}
"""Look-up -> answers that are `Sensitive` in the provider's schema, and so secret to the engine,
also of a parameter with nothing to hide (hashicorp/terraform-provider-aws, internal/service/ssm/
parameter_data_source.go, internal/service/secretsmanager/random_password_data_source.go)."""

_KINDS: Mapping[tuple[Kind, bool], "provider_pb2.PropertyDiff.Kind.ValueType"] = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class AwsServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine from one simulated AWS.

    Args:
        api: Where resources are made.
        account: The account that it has.
    """

    def __init__(self, api: AwsApi, account: str) -> None:
        self._api = api
        self._account = account
        # The engine opens a connection for each provider resource, and for its old and new state
        # one each; nothing else in a request says which of them is meant.
        self._providers: dict[str, AwsProvider] = {}
        # moto is not made for calls that change one thing at the same time.
        self._one_at_a_time = threading.Lock()

    # The methods below have the protocol's names.

    def Handshake(  # noqa: N802
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what this provider understands."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(  # noqa: N802
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Be attached to an engine that did not start this process."""
        del request, context
        return empty_pb2.Empty()

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """End nothing: each call ends by itself within seconds."""
        del request, context
        return empty_pb2.Empty()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Give the version of the SDK, whose types these are."""
        del request, context
        return plugin_pb2.PluginInfo(version=_VERSION)

    def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Give a schema without types: programs in Python bring theirs with the SDK."""
        del request, context
        return provider_pb2.GetSchemaResponse(
            schema=json.dumps({"name": "aws", "version": _VERSION})
        )

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Take a provider's configuration as it is; `Configure` judges it."""
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare configurations: another region is another provider, with all that it made."""
        del context
        olds, news = (wire.decode(each).values for each in (request.old_inputs, request.news))
        found = compare("pulumi:providers:aws", olds, news)
        replaces = tuple(key for key in ("region",) if key in found.keys)
        return _answer(found, replaces, delete_before_replace=False)

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Keep the region and the default tags of the provider behind this connection."""
        values = wire.decode(request.args).values
        allowed = _listed(values.get("allowedAccountIds"))
        if allowed and self._account not in allowed:
            # The provider's own words (hashicorp/aws-sdk-go-base, VerifyAccountIDAllowed).
            _refuse(context, OfflineError(f"AWS account ID not allowed: {self._account}"))
        config = ProviderConfig(
            str(values.get("region") or "us-east-1"), default_tags(values.get("defaultTags"))
        )
        self._providers[context.peer()] = AwsProvider(
            api=self._api, account=self._account, default=config
        )
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, supportsPreview=True
        )

    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answer a look-up."""
        call = Invoke(token=request.tok, arguments=wire.decode(request.args).values)
        try:
            with self._one_at_a_time:
                answer = self._provider(context).invoke(call)
        except OfflineError as error:
            _refuse(context, error)
        secret = _SECRET_ANSWERS.get(request.tok, frozenset()) & set(answer)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.encode(answer, secret))
        return response

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Name what the program does not."""
        del context
        resource = resources.read(request.urn, request.news)
        olds = wire.decode(request.olds).values
        try:
            added = names(
                resource.type, resource.name, resource.inputs, olds, bytes(request.randomSeed)
            )
        except OfflineError as error:
            return provider_pb2.CheckResponse(
                inputs=request.news, failures=[provider_pb2.CheckFailure(reason=str(error))]
            )
        return provider_pb2.CheckResponse(inputs=resources.with_values(request.news, added))

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Say what a change of inputs, or of the provider's own tags, does."""
        resource = resources.read(request.urn, request.news)
        olds, news = (wire.decode(each).values for each in (request.old_inputs, request.news))
        tags = resources.all_tags(resource.type, news, self._default_tags(context))
        before = wire.decode(request.olds).values.get("tagsAll")
        if tags is not None and before is not None and tags != before:
            olds, news = {**olds, "tagsAll": before}, {**news, "tagsAll": tags}
        found = compare(resource.type, olds, news)
        return _answer(found, found.replaces, delete_before_replace=found.delete_before_replace)

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Make a resource; in a preview its own outputs are left out, which makes them unknown."""
        resource = resources.read(request.urn, request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(
                properties=resources.without(request.properties, resources.DEFAULTS)
            )
        try:
            with self._one_at_a_time:
                state = self._provider(context).create(resource)
        except OfflineError as error:
            _refuse(context, error)
        return provider_pb2.CreateResponse(
            id=state.id,
            properties=wire.encode(without_unset(state.outputs), state.secret_outputs),
        )

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Look at a resource again; an answer without an id says that it is gone."""
        resource = resources.read(request.urn, request.inputs)
        outputs = wire.decode(request.properties)
        if not resource.inputs:
            _refuse(
                context,
                OfflineError(
                    f"{request.id}: reading or importing what no stack has made is not implemented"
                    f" for {resource.type}; pass its id as configuration"
                ),
            )
        try:
            existing = self._existing(context, request.id, resource, outputs.values)
            with self._one_at_a_time:
                live = lifecycle.read(existing)
        except OfflineError as error:
            _refuse(context, error)
        if live is None:
            return provider_pb2.ReadResponse()
        state, changed = self._seen(context, resource, outputs, live)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=resources.encode(state),
            inputs=resources.with_values(request.inputs, changed),
        )

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change a resource; in a preview what each change makes anew is left out."""
        resource = resources.read(request.urn, request.news)
        old = resources.read(request.urn, request.old_inputs)
        outputs = wire.decode(request.olds)
        if request.preview:
            known = resources.without(
                request.olds, *old.inputs, *NEW_VERSION_ON_UPDATE.get(resource.type, ())
            )
            for key, value in request.news.fields.items():
                known.fields[key].CopyFrom(value)
            return provider_pb2.UpdateResponse(
                properties=resources.without(known, resources.DEFAULTS)
            )
        try:
            existing = self._existing(context, request.id, old, outputs.values)
            with self._one_at_a_time:
                answer = lifecycle.update(
                    existing, effective_inputs(resource, self._default_tags(context))
                )
        except OfflineError as error:
            _refuse(context, error)
        state = self._state(context, resource, outputs, {**answer, **resource.inputs})
        return provider_pb2.UpdateResponse(properties=resources.encode(state))

    def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Take a resource away, or give the service's refusal."""
        resource = resources.read(request.urn, request.old_inputs)
        outputs = wire.decode(request.properties).values
        try:
            existing = self._existing(context, request.id, resource, outputs)
            with self._one_at_a_time:
                lifecycle.delete(existing)
        except OfflineError as error:
            _refuse(context, error)
        return empty_pb2.Empty()

    def _provider(self, context: grpc.ServicerContext) -> AwsProvider:
        provider = self._providers.get(context.peer())
        if provider is None:
            _refuse(context, OfflineError("this provider was asked before it was configured"))
        return provider

    def _default_tags(self, context: grpc.ServicerContext) -> Mapping[str, str]:
        return self._provider(context).default.default_tags

    def _existing(
        self,
        context: grpc.ServicerContext,
        identity: str,
        resource: Resource,
        outputs: Mapping[str, Any],
    ) -> lifecycle.Existing:
        """Return what a handler works with; tags are those that the resource was made with."""
        inputs = effective_inputs(resource, {})
        if outputs.get("tagsAll"):
            inputs["tags"] = outputs["tagsAll"]
        return lifecycle.Existing(
            resource=resource,
            id=identity,
            region=str(outputs.get("region") or self._provider(context).default.region),
            account=self._account,
            api=self._api,
            inputs=inputs,
            outputs=outputs,
        )

    def _seen(
        self,
        context: grpc.ServicerContext,
        resource: Resource,
        before: wire.Decoded,
        live: lifecycle.Live,
    ) -> tuple[State, dict[str, Any]]:
        """Return the state after a read, and what has become of its inputs; None: it is gone.

        As the provider does (pulumi/pulumi-terraform-bridge, pkg/tfbridge/schema.go,
        `extractInputs`): an input that the program never gave is none after a read either.
        """
        found, outputs = dict(live.inputs), dict(live.outputs)
        if "tags" in found and "tagsAll" in outputs:
            own = resource.inputs.get("tags", {})
            found["tags"] = resources.own_tags(found["tags"], own, self._default_tags(context))
            outputs["tags"] = found["tags"]
        changed = {
            key: found.get(key)
            for key, value in resource.inputs.items()
            if key != "region" and not same_text(value, found.get(key))
        }
        kept = {key: value for key, value in resource.inputs.items() if key not in changed}
        return self._state(context, resource, before, {**outputs, **kept}), changed

    def _state(
        self,
        context: grpc.ServicerContext,
        resource: Resource,
        before: wire.Decoded,
        outputs: dict[str, Any],
    ) -> State:
        """Return a state in which secret is what was, and what its inputs make so."""
        tags = resources.all_tags(resource.type, resource.inputs, self._default_tags(context))
        if tags is not None:
            outputs.setdefault("tagsAll", tags)
        secret = {str(path[0]) for path in (*before.secrets, *resource.secret_inputs)}
        return State(id="", outputs=outputs, secret_outputs=frozenset(secret & set(outputs)))


def _refuse(context: grpc.ServicerContext, error: OfflineError) -> NoReturn:
    """End a call with an error that the engine shows for the resource."""
    context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise AssertionError("abort raises")


def _listed(value: object) -> list[str]:
    """Return a list that the SDK sends as an object or as its JSON."""
    parsed = json.loads(value) if isinstance(value, str) and value else value
    return [str(item) for item in parsed] if isinstance(parsed, list) else []


def _answer(
    found: Differences, replaces: tuple[str, ...], *, delete_before_replace: bool
) -> provider_pb2.DiffResponse:
    if not found.paths:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
    detailed = {
        wire.dotted(path): provider_pb2.PropertyDiff(
            kind=_KINDS[kind, str(path[0]) in replaces], inputDiff=True
        )
        for path, kind in found.paths.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME,
        diffs=found.keys,
        replaces=replaces,
        deleteBeforeReplace=delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff=detailed,
    )
