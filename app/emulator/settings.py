"""Settings of one emulator, checked as a whole before anything starts."""

from pathlib import Path
from typing import Annotated, Literal, Self

import grpc
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MODES = ("str", "str-thr", "ofl", "all")
_SELECTOR_KEYS = {
    "name",
    "mode",
    "vad",
    "diarizer",
    "type",
    "batch_size",
    "bs",
    "model_type",
    "gpu",
}
Port = Annotated[int, Field(ge=0, le=65_535)]


def parse_selector(selector: str) -> dict[str, str]:
    """Split a NIM tags selector into its keys.

    Raises:
        ValueError: A part is no `key=value`, a key is unknown or twice, or no NIM has the mode.
    """
    tags: dict[str, str] = {}
    for part in filter(None, selector.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value or key not in _SELECTOR_KEYS or key in tags:
            raise ValueError(
                f"tags_selector part {part!r} must be key=value, each key once, "
                f"with a key of {sorted(_SELECTOR_KEYS)}"
            )
        tags[key] = value
    if tags.setdefault("mode", "str") not in MODES:
        raise ValueError(f"tags_selector mode {tags['mode']!r} must be one of {MODES}")
    return tags


class EmulatorSettings(BaseModel):
    """What one emulator is and where it listens.

    Attributes:
        host: Address to bind.
        allowed_hosts: Names, beside `host`, localhost and addresses, by which the HTTP port may be
            asked.
        grpc_port: Port of the Riva services; 0 takes a free one.
        http_port: Port of health, models and metrics; 0 takes a free one.
        tags_selector: As NIM_TAGS_SELECTOR; `mode` decides which RPCs are served.
        model_name: The name under which the model is served, what `RecognitionConfig.model` must
            equal if set.
        languages: Language codes that are served.
        engine: `whisper` hears; `none` hears nothing and needs neither model nor CPU time, for
            scripts and load tests.
        model_dir: Folder of a CTranslate2 Whisper model; None takes the installed model package.
        workers: Decoding threads, each with one core's worth of work at most.
        interim_interval: Seconds of new audio between two interims of a segment.
        max_streams: Slots, what the batch size of a NIM profile is.
        when_full: `queue` lets a stream beyond the slots wait, as Triton's batchers do; `refuse`
            answers RESOURCE_EXHAUSTED. Which one a NIM does is not public.
        idle_timeout: Seconds without audio after which a stream's sequence is freed. A NIM's: 60.
        max_message_bytes: Largest message taken; gRPC's own default is 4 MiB.
        unavailable_model_status: Status code of a wrong model or language; not public.
        loading_seconds: The least time between start and readiness.
        admin: Whether scripts can be set over HTTP.
        tls_certificate: PEM chain for the gRPC port; with `tls_key` turns TLS on.
        tls_key: PEM private key.
        tls_client_ca: PEM of the authority that client certificates must come from (mutual TLS).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    host: str = "127.0.0.1"
    allowed_hosts: tuple[str, ...] = ()
    grpc_port: Port = 0
    http_port: Port = 0
    tags_selector: str = "mode=str"
    model_name: str = "parakeet-rnnt-1.1b-unified-ml-cs-universal-multi-asr-streaming"
    languages: tuple[str, ...] = ("en-US",)
    engine: Literal["whisper", "none"] = "whisper"
    model_dir: Path | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    interim_interval: Annotated[float, Field(ge=0.1, le=10)] = 0.5
    max_streams: Annotated[int, Field(ge=1, le=4096)] = 64
    when_full: Literal["queue", "refuse"] = "queue"
    idle_timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_message_bytes: Annotated[int, Field(ge=1024, le=2**31 - 1)] = 4 * 2**20
    unavailable_model_status: Literal["INVALID_ARGUMENT", "NOT_FOUND"] = "INVALID_ARGUMENT"
    loading_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    admin: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None

    @field_validator("tags_selector")
    @classmethod
    def _selector_is_known(cls, selector: str) -> str:
        parse_selector(selector)
        return selector

    @field_validator("languages")
    @classmethod
    def _languages_named(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if not languages or not all(languages):
            raise ValueError("languages must name at least one language code, such as en-US")
        return languages

    @field_validator("model_dir")
    @classmethod
    def _model_dir_exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_dir():
            raise ValueError(f"model_dir {path} is not a folder")
        return path

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self

    @property
    def mode(self) -> str:
        """The serving mode: one of `MODES`."""
        return parse_selector(self.tags_selector)["mode"]

    @property
    def streams(self) -> bool:
        """Whether the streaming RPC is served."""
        return self.mode != "ofl"

    @property
    def recognises_files(self) -> bool:
        """Whether the unary RPC is served."""
        return self.mode in {"ofl", "all"}

    @property
    def refusal_status(self) -> grpc.StatusCode:
        """The status of a wrong model or language."""
        return grpc.StatusCode[self.unavailable_model_status]
