"""The settings of traces, by the names that OpenTelemetry gives them: the part OTEL_*.

A key means what OpenTelemetry's specification says ("OpenTelemetry Environment Variable
Specification", "OpenTelemetry Protocol Exporter"), so that whoever has a collector knows them.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from app.gateway.settings.access import OptionalFile
from app.settings import Problem, Settings, rule
from app.settings.types import EmptyIsNone

_MS: Final = 1000.0
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+")
_LIBRARY: Final = "opentelemetry.sdk"


class OtlpProtocol(StrEnum):
    """How a collector is spoken to."""

    HTTP = "http/protobuf"
    GRPC = "grpc"


class TraceSampler(StrEnum):
    """Which streams are recorded."""

    ALWAYS_ON = "always_on"
    ALWAYS_OFF = "always_off"
    RATIO = "traceidratio"
    PARENT_OR_ON = "parentbased_always_on"
    PARENT_OR_OFF = "parentbased_always_off"
    PARENT_OR_RATIO = "parentbased_traceidratio"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _address(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    # Also what cannot be a port raises a ValueError here.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("no address")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("more than an address")
    return value.rstrip("/")


def pairs(text: str) -> dict[str, str]:
    """Return the pairs of a list `name=value,name=value`, whose values are percent-encoded.

    Raises:
        ValueError: It is no such list.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not name:
            raise ValueError("a part is no name=value")
        found[unquote(name)] = unquote(value)
    return found


def _headers(value: SecretStr) -> SecretStr:
    for name, held in pairs(value.get_secret_value()).items():
        if not _HEADER_NAME.fullmatch(name) or not (held.isascii() and held.isprintable()):
            raise ValueError("a header cannot carry it")
    return value


def _attributes(value: str) -> str:
    pairs(value)
    return value


class TraceSettings(Settings):
    """What an operator may change about traces; by default there are none."""

    otel_exporter_otlp_endpoint: Annotated[str | None, AfterValidator(_address), EmptyIsNone] = (
        Field(
            None,
            description="empty for no traces, or the address of a collector that takes OTLP, such "
            "as http://localhost:4318 (/v1/traces is added) or, with grpc, http://localhost:4317; "
            "https:// for TLS; without credentials in it",
        )
    )
    otel_exporter_otlp_protocol: Annotated[OtlpProtocol, BeforeValidator(_lower)] = Field(
        OtlpProtocol.HTTP, description="http/protobuf or grpc"
    )
    otel_exporter_otlp_headers: Annotated[SecretStr, AfterValidator(_headers)] = Field(
        SecretStr(""),
        description="empty, or headers for the collector such as api-key=abc, separated by commas, "
        "values percent-encoded",
    )
    otel_exporter_otlp_certificate: OptionalFile = Field(
        None,
        description="empty for the system's authorities, or a readable file with the one that "
        "signed the collector's certificate (PEM)",
    )
    otel_exporter_otlp_timeout: Annotated[int, Ge(1), Le(60_000)] = Field(
        10_000, description="a whole number from 1 to 60000: milliseconds a batch may take"
    )
    otel_service_name: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        "perch-gateway", description="1 to 255 characters: service.name of every span"
    )
    otel_resource_attributes: Annotated[str, AfterValidator(_attributes)] = Field(
        "",
        description="empty, or what every span shall carry, such as "
        "deployment.environment.name=prod,perch.colour=blue; values percent-encoded",
    )
    otel_traces_sampler: Annotated[TraceSampler, BeforeValidator(_lower)] = Field(
        TraceSampler.PARENT_OR_ON,
        description="always_on, always_off, traceidratio, parentbased_always_on, "
        "parentbased_always_off or parentbased_traceidratio: parentbased does as the client's "
        "traceparent says, where there is one",
    )
    otel_traces_sampler_arg: Annotated[float, Ge(0), Le(1)] = Field(
        1.0, description="a number from 0 to 1: the share of streams, of the samplers by ratio"
    )
    otel_sdk_disabled: bool = Field(
        False, description="true or false: true for no traces, whatever else is set"
    )

    @property
    def has_traces(self) -> bool:
        """Whether streams are traced at all."""
        return self.otel_exporter_otlp_endpoint is not None and not self.otel_sdk_disabled

    @property
    def trace_timeout_s(self) -> float:
        """Seconds a batch may take."""
        return self.otel_exporter_otlp_timeout / _MS

    def trace_headers(self) -> dict[str, str]:
        """Return what each request to the collector carries; may hold secrets."""
        return pairs(self.otel_exporter_otlp_headers.get_secret_value())

    def trace_attributes(self) -> Mapping[str, str]:
        """Return what every span carries."""
        return pairs(self.otel_resource_attributes)

    @rule
    def _the_library_is_there(self) -> Iterator[Problem]:
        if self.has_traces and not _is_installed(_LIBRARY):
            yield self.problem(
                "otel_exporter_otlp_endpoint",
                self.otel_exporter_otlp_endpoint,
                "empty while the extra is not installed: pip install 'perch[traces]'",
            )

    @rule
    def _grpc_has_no_path(self) -> Iterator[Problem]:
        endpoint = self.otel_exporter_otlp_endpoint
        is_grpc = self.otel_exporter_otlp_protocol is OtlpProtocol.GRPC
        if is_grpc and endpoint is not None and urlsplit(endpoint).path:
            yield self.problem(
                "otel_exporter_otlp_endpoint",
                endpoint,
                "an address without a path while OTEL_EXPORTER_OTLP_PROTOCOL is grpc",
            )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
