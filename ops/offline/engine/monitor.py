"""The engine's place in an offline run: records every registration, answers from a provider."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from google.protobuf import empty_pb2, json_format
from google.protobuf.message import Message
from pulumi.runtime.mocks import MockCallArgs, MockEngine, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import engine_pb2, resource_pb2

from ops.offline.engine import urns, wire
from ops.offline.engine.recording import (
    STACK_TYPE,
    Diagnostic,
    Invoke,
    Recording,
    Resource,
    State,
)
from ops.offline.errors import OfflineError

_OPTIONS = (
    "protect",
    "ignoreChanges",
    "replaceOnChanges",
    "deleteBeforeReplace",
    "retainOnDelete",
    "importId",
    "customTimeouts",
    "additionalSecretOutputs",
    "deletedWith",
    "version",
)

_LAST_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's own look-up of what a stack exported last."""

_SECRET_ANSWERS: Mapping[str, frozenset[str]] = {
    "aws:ssm/getParameter:getParameter": frozenset({"value"}),
}
"""What the provider marks as secret in the answer of a look-up (its schema's `Sensitive`)."""


class ResourceProvider(Protocol):
    """Decides what a resource turns into."""

    def create(self, resource: Resource) -> State:
        """Create, or pretend to; never called for components."""
        ...

    def invoke(self, call: Invoke) -> Mapping[str, Any]:
        """Answer a look-up."""
        ...

    def check_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Refuse stack outputs that stand on nothing."""
        ...


class _NoMocks(Mocks):
    """The SDK's monitor wants mocks; every method that would use them is replaced here."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise NotImplementedError(args.typ)

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(args.token)


class RecordingMonitor(MockMonitor):
    """Records raw requests with the engine's URNs, refuses duplicates, keeps secrets secret."""

    def __init__(
        self,
        recording: Recording,
        provider: ResourceProvider,
        root: Path,
        last_outputs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(_NoMocks())
        self.recording = recording
        self.failures: list[tuple[str, str, str]] = []
        self._provider = provider
        # A run has tens of thousands of frames, each given as an address of a file.
        self._root_uri = f"{root.as_uri()}/"
        self._last_outputs = dict(last_outputs or {})

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the engine's URN, with the whole chain of parents."""
        return urns.make_urn(self.recording.stack, self.recording.project, parent, type_, name)

    # The names below are the engine's protocol.

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record and create one resource."""
        resource = self._resource(request)
        state = self._answer(resource)
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn,
            id=state.id,
            object=wire.encode(state.outputs, state.secret_outputs),
        )

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Record the look-up of something that exists already."""
        inputs = wire.decode(request.properties)
        resource = Resource(
            urn=self.make_urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=True,
            read=True,
            import_id=request.id,
            inputs=inputs.values,
            secret_inputs=inputs.secrets,
            dependencies=tuple(sorted(request.dependencies)),
            provider=request.provider.rpartition("::")[0],
            options=_options(request),
            source=self._source(request),
        )
        state = self._answer(resource)
        return resource_pb2.ReadResourceResponse(
            urn=resource.urn, properties=wire.encode(state.outputs, state.secret_outputs)
        )

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Keep the stack's outputs, and each component's."""
        outputs = wire.decode(request.outputs)
        if urns.Urn.parse(request.urn).type == STACK_TYPE:
            self._provider.check_outputs(outputs.values)
            self.recording.outputs = outputs.values
            self.recording.secret_outputs = outputs.secrets
        else:
            self.recording.component_outputs[request.urn] = outputs
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answer a look-up."""
        if request.tok == "pulumi:pulumi:getResource":
            answered: resource_pb2.ResourceInvokeResponse = super().Invoke(request)  # type: ignore[no-untyped-call]  # untyped in the SDK
            return answered
        response = resource_pb2.ResourceInvokeResponse()
        if request.tok == _LAST_OUTPUTS:
            known = {"outputs": self._last_outputs, "secretOutputNames": []}
            getattr(response, "return").CopyFrom(wire.encode(known))
            return response
        call = Invoke(token=request.tok, arguments=wire.decode(request.args).values)
        self.recording.invokes.append(call)
        try:
            answer = self._provider.invoke(call)
        except Exception as error:
            self.failures.append((call.token, "", _one_line(error)))
            raise
        secret = _SECRET_ANSWERS.get(call.token, frozenset())
        getattr(response, "return").CopyFrom(wire.encode(answer, secret))
        return response

    def _answer(self, resource: Resource) -> State:
        try:
            self._refuse_duplicate(resource)
            self.recording.resources[resource.urn] = resource
            if resource.custom:
                state = self._provider.create(resource)
            else:
                secret = frozenset(str(path[0]) for path in resource.secret_inputs)
                state = State(id="", outputs=resource.inputs, secret_outputs=secret)
        except Exception as error:
            self.failures.append((resource.type, resource.name, _one_line(error)))
            raise
        self.recording.states[resource.urn] = state
        self.resources[resource.urn] = MockMonitor.ResourceRegistration(
            resource.urn, state.id, dict(state.outputs)
        )
        return state

    def _refuse_duplicate(self, resource: Resource) -> None:
        first = self.recording.resources.get(resource.urn)
        if first is not None:
            raise OfflineError(
                f"{resource.urn} is registered twice, at {first.source} and {resource.source};"
                " below one parent a type and a name may occur once"
            )

    def _resource(self, request: resource_pb2.RegisterResourceRequest) -> Resource:
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = wire.decode(request.object)
        known = {key: item.alias_urns for key, item in self.recording.resources.items()}
        return Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            import_id=request.importId,
            inputs=inputs.values,
            secret_inputs=inputs.secrets,
            dependencies=tuple(sorted(set(request.dependencies))),
            property_dependencies={
                key: tuple(sorted(set(dependencies.urns)))
                for key, dependencies in sorted(request.propertyDependencies.items())
                if dependencies.urns
            },
            provider=request.provider.rpartition("::")[0],
            options=_options(request),
            alias_urns=urns.alias_urns(
                stack=self.recording.stack,
                project=self.recording.project,
                parent=request.parent,
                type_=request.type,
                name=request.name,
                declared=_aliases(request),
                parent_aliases=known,
            ),
            source=self._source(request),
        )

    def _source(
        self, request: resource_pb2.RegisterResourceRequest | resource_pb2.ReadResourceRequest
    ) -> str | None:
        """Return the innermost frame of the project's code; the SDK's own may lie in the SDK."""
        for frame in request.stackTrace.frames:
            uri = frame.pc.uri
            if uri.startswith(self._root_uri) and "/site-packages/" not in uri:
                return f"{unquote(uri.removeprefix(self._root_uri))}:{frame.pc.line}"
        return None


class RecordingEngine(MockEngine):
    """Keeps what the program says; debugging chatter is left out."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(None)
        self._recording = recording

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802
        """Keep one message."""
        if request.severity == engine_pb2.DEBUG:
            return
        self._recording.diagnostics.append(
            Diagnostic(
                severity=engine_pb2.LogSeverity.Name(request.severity).lower(),
                message=request.message,
                urn=request.urn,
            )
        )


def _options(
    request: resource_pb2.RegisterResourceRequest | resource_pb2.ReadResourceRequest,
) -> dict[str, Any]:
    given = type(request)()
    for field, value in request.ListFields():
        if field.name not in _OPTIONS:
            continue  # inputs and frames are most of a request
        if isinstance(value, Message):
            getattr(given, field.name).CopyFrom(value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            getattr(given, field.name).extend(value)
        else:
            setattr(given, field.name, value)
    said = json_format.MessageToDict(given, preserving_proto_field_name=True)
    return {key: said[key] for key in _OPTIONS if said.get(key)}


def _aliases(request: resource_pb2.RegisterResourceRequest) -> list[urns.Alias]:
    declared = [urns.Alias(urn=urn) for urn in request.aliasURNs]
    for alias in request.aliases:
        if alias.WhichOneof("alias") == "urn":
            declared.append(urns.Alias(urn=alias.urn))
            continue
        spec = alias.spec
        declared.append(
            urns.Alias(
                name=spec.name or None,
                type=spec.type or None,
                stack=spec.stack or None,
                project=spec.project or None,
                parent=spec.parentUrn or None,
                no_parent=spec.noParent,
            )
        )
    return declared


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
