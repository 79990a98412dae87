"""Every name that we use of a library and that the library promises to nobody, with its reason.

A name is private where it, or a module on its way, begins with an underscore, where its module is
in no documentation (whatever is not in `DOCUMENTED`), or where a class of ours takes it from such a
base. An upgrade may change any of them without a word, so whatever has one is capped in
pyproject.toml, and this table is where an upgrade begins. That the names still mean the same is
shown by the tests of the code that uses them, not here.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("app", "bench", "infra", "ops")

DOCUMENTED: Final = {
    "_typeshed.wsgi",  # stubs, for type checkers alone
    "boto3.session",
    "botocore.config",
    "botocore.exceptions",
    "botocore.session",
    "ctranslate2.models",
    "grpc.aio",
    "numpy.random",
    "numpy.typing",
    "prometheus_client.core",
    "prometheus_client.openmetrics.exposition",
    "prometheus_client.parser",
    "prometheus_client.registry",
    "pulumi.automation",
    "pulumi.automation.errors",
    "pulumi.automation.events",
    "pulumi.log",
    "python_multipart.exceptions",
    "python_multipart.multipart",
    "riva.client",
    "websockets.asyncio.client",
    "websockets.datastructures",
    "websockets.exceptions",
    "websockets.frames",
    "websockets.http11",
    "websockets.server",
    "werkzeug.serving",
    "whisper_normalizer.english",
}
"""Modules that the documentation of their library names."""
WHOLLY_DOCUMENTED: Final = (
    *("cryptography", "google.protobuf", "mypy_boto3_", "opentelemetry.", "pulumi_aws", "pydantic"),
    *("pulumi.runtime.proto.plugin_pb2", "pulumi.runtime.proto.provider_pb2"),
    *("rich.", "riva.client.proto", "starlette.", "structlog."),
)
"""Libraries all of whose modules without an underscore are documented, or are a public protocol."""

PRIVATE: Final = {
    "the gateway's handshake, pace and limits stand between uvicorn's protocols and its cycles": (
        "uvicorn._types.ASGIReceiveEvent",
        "uvicorn._types.ASGISendEvent",
        "uvicorn._types.WebSocketReceiveEvent",
        "uvicorn.config.Config",
        "uvicorn.protocols.http.flow_control.FlowControl",
        "uvicorn.protocols.http.h11_impl.H11Protocol",
        "uvicorn.protocols.http.h11_impl.H11Protocol._get_upgrade",
        "uvicorn.protocols.http.h11_impl.H11Protocol._unsupported_upgrade_warning",
        "uvicorn.protocols.http.h11_impl.RequestResponseCycle",
        "uvicorn.protocols.utils.ClientDisconnected",
        "uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol",
        "uvicorn.server.ServerState",
    ),
    "frames are parsed in steps, so that one connection has its share of a turn (ADR 0315)": (
        "websockets.streams.StreamReader",
    ),
    "the emulator decodes with Whisper's own features and tokens, without its loop": (
        "faster_whisper.feature_extractor.FeatureExtractor",
        "faster_whisper.tokenizer.Tokenizer",
    ),
    "the offline run takes the place of Pulumi's engine (ADR 0601)": (
        "pulumi.runtime.mocks.MockCallArgs",
        "pulumi.runtime.mocks.MockEngine",
        "pulumi.runtime.mocks.MockMonitor",
        "pulumi.runtime.mocks.MockResourceArgs",
        "pulumi.runtime.mocks.Mocks",
        "pulumi.runtime.proto.engine_pb2.DEBUG",
        "pulumi.runtime.proto.engine_pb2.LogRequest",
        "pulumi.runtime.proto.engine_pb2.LogSeverity",
        "pulumi.runtime.proto.resource_pb2.ReadResourceRequest",
        "pulumi.runtime.proto.resource_pb2.ReadResourceResponse",
        "pulumi.runtime.proto.resource_pb2.RegisterResourceOutputsRequest",
        "pulumi.runtime.proto.resource_pb2.RegisterResourceRequest",
        "pulumi.runtime.proto.resource_pb2.RegisterResourceResponse",
        "pulumi.runtime.proto.resource_pb2.ResourceInvokeRequest",
        "pulumi.runtime.proto.resource_pb2.ResourceInvokeResponse",
        "pulumi.runtime.set_all_config",
        "pulumi.runtime.settings.Settings",
        "pulumi.runtime.settings.configure",
        "pulumi.runtime.settings.get_engine",
        "pulumi.runtime.settings.set_root_resource",
        "pulumi.runtime.stack.run_in_stack",
    ),
    "the wire's markers have no public name in Python": (
        "pulumi.runtime.rpc.UNKNOWN",
        "pulumi.runtime.rpc._special_archive_sig",
        "pulumi.runtime.rpc._special_asset_sig",
        "pulumi.runtime.rpc._special_resource_sig",
        "pulumi.runtime.rpc._special_secret_sig",
        "pulumi.runtime.rpc._special_sig_key",
    ),
    "what a type of the SDK puts out is known by its annotations alone": (
        "pulumi._types.is_output_type",
        "pulumi._types.output_type_types",
        "pulumi._types.resource_types",
        "pulumi._types.unwrap_optional_type",
        "pulumi._types.input_type_py_to_pulumi_names",
    ),
    "a misspelt key of a stack is found only among all keys of its configuration": (
        "pulumi.runtime.config.CONFIG",
        "pulumi.runtime.config.get_config_env",
        "pulumi.runtime.config.is_config_secret",
    ),
    "policies judge recordings as the engine has them judged, unknown values too (ADR 0902)": (
        "pulumi_policy.proxy.UNKNOWN_STRING_VALUE",
        "pulumi_policy.proxy.UnknownValueError",
        "pulumi_policy.proxy.unknown_checking_proxy",
    ),
    "a call's parameters are placed, and refused, by botocore's models (ADR 0602)": (
        "botocore.model.ListShape",
        "botocore.model.MapShape",
        "botocore.model.OperationModel",
        "botocore.model.Shape",
        "botocore.model.StringShape",
        "botocore.model.StructureShape",
        "botocore.validate.ParamValidator",
    ),
    "the simulated AWS makes a request's signature a second time": (
        "botocore.auth.S3SigV4Auth",
        "botocore.auth.SIGV4_TIMESTAMP",
        "botocore.auth.SigV4Auth",
        "botocore.awsrequest.AWSRequest",
        "botocore.credentials.Credentials",
    ),
    "a session without anything of the person's settings": (
        "botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES",
        "botocore.configprovider.ConstantProvider",
    ),
    "moto is patched where it lacks what AWS has, and served behind a guard (ADR 0602)": (
        "moto.acm.exceptions.AWSError",
        "moto.acm.models.AWSCertificateManagerBackend",
        "moto.autoscaling.exceptions.AutoscalingClientError",
        "moto.autoscaling.exceptions.ValidationError",
        "moto.autoscaling.models.AutoScalingBackend",
        "moto.autoscaling.models.autoscaling_backends",
        "moto.autoscaling.responses.AutoScalingResponse",
        "moto.budgets.exceptions.NotFoundException",
        "moto.budgets.models.Budget",
        "moto.budgets.responses.BudgetsResponse",
        "moto.cloudwatch.exceptions.ValidationError",
        "moto.cloudwatch.models.CloudWatchBackend",
        "moto.cloudwatch.models.Statistics",
        "moto.cloudwatch.responses.CloudWatchResponse",
        "moto.core.responses.ActionResult",
        "moto.core.responses.EmptyResult",
        "moto.core.utils.utcnow",
        "moto.ec2.exceptions.DependencyViolationError",
        "moto.ec2.exceptions.EC2ClientError",
        "moto.ec2.models.EC2Backend",
        "moto.ec2.models.ec2_backends",
        "moto.ec2.models.security_groups.SecurityGroupRule",
        "moto.elbv2.exceptions.ELBClientError",
        "moto.elbv2.models.ELBv2Backend",
        "moto.elbv2.models.elbv2_backends",
        "moto.iam.access_control.IAMPolicy",
        "moto.iam.exceptions.DeleteConflictException",
        "moto.iam.models.IAMBackend",
        "moto.iam.responses.IamResponse",
        "moto.logs.metric_filters.MetricFilters",
        "moto.moto_server.werkzeug_app.DISABLE_GLOBAL_CORS",
        "moto.moto_server.werkzeug_app.DomainDispatcherApplication",
        "moto.moto_server.werkzeug_app.MotoRequestHandler",
        "moto.moto_server.werkzeug_app.create_backend_app",
        "moto.route53.models.create_route53_zone_id",
        "moto.s3.models.FakeBucket",
        "moto.s3.models.FakeBucket._log_permissions_enabled_policy",
        "moto.s3.models.LOGGING_SERVICE_PRINCIPAL",
        "moto.settings.ACM_VALIDATION_WAIT",
        "moto.ssm.models.Parameter",
        "moto.ssm.models.ParameterDict",
        "moto.ssm.models.ParameterDict._check_loading_status",
        "moto.wafv2.exceptions.WAFv2ClientError",
        "moto.wafv2.models.WAFV2Backend",
    ),
}
"""What we use all the same: why -> the names."""


@dataclass
class Class:
    """A class of ours, as far as it says whose attributes it uses."""

    bases: list[str]
    defined: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


@cache
def distributions() -> dict[str, list[str]]:
    """The distributions of each library that is installed, by what one imports."""
    return {
        name: ours
        for name, ours in importlib.metadata.packages_distributions().items()
        if not {"perch", "perch-client"} & set(ours)
    }


def is_library(dotted: str) -> bool:
    return dotted.partition(".")[0] in distributions()


def is_hidden(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_private(dotted: str) -> bool:
    """Whether a name of a library, or a module on its way, is promised to nobody."""
    module = dotted.rpartition(".")[0]
    if module in DOCUMENTED or not is_library(dotted):
        return False
    if any(map(is_hidden, dotted.split("."))):
        return True
    return "." in module and not module.startswith(WHOLLY_DOCUMENTED)


@cache
def is_module(dotted: str) -> bool:
    try:
        return importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False


def imports(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """What each imported name stands for."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.partition(".")[0]
                found[one.asname or first] = one.name if one.asname else first
    return found


def dotted_name(node: ast.expr, imported: dict[str, str]) -> str | None:
    """What an expression such as `rpc.UNKNOWN` stands for."""
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value, imported)
        return before and f"{before}.{node.attr}"
    return None


def taken_by_name(nodes: Sequence[ast.AST], imported: dict[str, str]) -> Iterator[str]:
    """Private names that are imported, and those that are asked of what is imported."""
    yield from (dotted for dotted in imported.values() if is_private(dotted))
    for node in nodes:
        if isinstance(node, ast.Attribute):
            dotted = dotted_name(node, imported)
            if (
                dotted is not None
                and is_private(dotted)
                and (is_hidden(node.attr) or is_module(dotted.rpartition(".")[0]))
            ):
                yield dotted


def is_of_self(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute):
        return False
    owner = node.value
    if isinstance(owner, ast.Call):
        return isinstance(owner.func, ast.Name) and owner.func.id == "super"
    return isinstance(owner, ast.Name) and owner.id in {"self", "cls"}


def class_of(node: ast.ClassDef, imported: dict[str, str], module: str) -> Class:
    bases = [dotted_name(base, imported) or f"{module}.{ast.unparse(base)}" for base in node.bases]
    found = Class(bases)
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            found.defined.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.defined.add(inner.id)
        elif isinstance(inner, ast.Attribute) and is_of_self(inner) and is_hidden(inner.attr):
            (found.defined if isinstance(inner.ctx, ast.Store) else found.used).add(inner.attr)
    return found


def taken_from_bases(classes: dict[str, Class]) -> Iterator[str]:
    """Hidden attributes that a class of ours uses, or replaces, of a base that is a library's."""
    for name in classes:
        line = [name]
        for one in line:  # grows while it is walked
            line += [base for base in classes[one].bases if base in classes]
        strangers = [base for one in line for base in classes[one].bases if is_library(base)]
        defined = set[str]().union(*(classes[one].defined for one in line))
        used = set[str]().union(*(classes[one].used for one in line))
        hidden = {word for word in defined | used if is_hidden(word)}
        for stranger in strangers if hidden else ():
            module, _, attribute = stranger.rpartition(".")
            base = getattr(importlib.import_module(module), attribute)
            theirs = {word for word in hidden if hasattr(base, word)}
            yield from (f"{stranger}.{word}" for word in theirs | (used - defined))


@cache
def taken() -> frozenset[str]:
    """Every private name that our code takes."""
    found: set[str] = set()
    classes: dict[str, Class] = {}
    for path in sorted(path for top in OURS for path in (ROOT / top).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        imported = imports(nodes)
        found.update(name for name in taken_by_name(nodes, imported) if not is_module(name))
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                classes[f"{module}.{node.name}"] = class_of(node, imported, module)
    return frozenset(found | set(taken_from_bases(classes)))


def test_every_private_name_that_we_use_has_its_reason_and_no_other() -> None:
    known = [name for names in PRIVATE.values() for name in names]
    assert sorted(taken()) == sorted(known)


def requirements() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from project["dependencies"]
    for extra in project["optional-dependencies"].values():
        yield from extra


def test_a_library_whose_private_names_we_use_is_capped() -> None:
    used = {distributions()[name.partition(".")[0]][0].replace("_", "-") for name in taken()}
    # botocore is boto3's, and of one version with it.
    used = {"boto3" if name == "botocore" else name for name in used}
    capped = {
        re.split(r"[^A-Za-z0-9-]", requirement)[0].lower()
        for requirement in requirements()
        if "<" in requirement
    }
    assert used <= capped


def test_a_name_is_private_by_itself_by_its_module_or_by_its_base() -> None:
    source = """
import moto.settings
from pulumi.runtime import rpc
from starlette._utils import is_async_callable
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.exceptions import ConnectionClosed

print(rpc._special, moto.settings.PORT, ConnectionClosed)

class Ours(H11Protocol):
    def __init__(self): self._own = 1
    def _get_upgrade(self): return self._own, self._unset_keepalive_if_required
"""
    nodes = list(ast.walk(ast.parse(source)))
    imported = imports(nodes)
    assert {name for name in taken_by_name(nodes, imported) if not is_module(name)} == {
        "moto.settings.PORT",
        "pulumi.runtime.rpc._special",
        "starlette._utils.is_async_callable",
        "uvicorn.protocols.http.h11_impl.H11Protocol",
    }
    (ours,) = (node for node in nodes if isinstance(node, ast.ClassDef))
    base = "uvicorn.protocols.http.h11_impl.H11Protocol"
    assert set(taken_from_bases({"m.Ours": class_of(ours, imported, "m")})) == {
        f"{base}._get_upgrade",
        f"{base}._unset_keepalive_if_required",
    }
