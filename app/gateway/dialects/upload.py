"""The interface of a dialect of uploads: how a recording is posted over HTTP, and answered.

An upload is the same in each: admitted, received on disk, decoded, recognised, traced
(`app.gateway.server.transcribe_file`). What its form and its query are called, what it is answered
and how an error looks is the dialect's: a subclass of `UploadCodec` in a file of its own and a line
in `registry`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self, TypeAlias

from app.asr import FileTranscript, Transcript
from app.contract import ContractError

JSON_TYPE: Final = "application/json"

Texts: TypeAlias = Mapping[str, Sequence[str]]
"""Fields of a form beside its file, by name; one may come more than once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRequest:
    """What is known of an upload before its form comes.

    Attributes:
        path: Of the request, without a slash at its end.
        query: Options of the address; of several with one name the last.
        options: All of them, in their order.
        content_type: Of the body; empty where the client does not say.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    options: Sequence[tuple[str, str]] = ()
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an upload asks of the recogniser.

    Attributes:
        language: BCP 47 code; None for the configured one.
        model: As the client names it; None for the configured one.
        hotwords: Words and phrases to prefer.
    """

    language: str | None = None
    model: str | None = None
    hotwords: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard in an upload.

    Attributes:
        filename: As the client gave it.
        transcript: Of the whole recording.
        sha256: Digest of a file that is the whole body, in hexadecimal digits; else empty.
    """

    filename: str
    transcript: FileTranscript
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that clients may name.

    Attributes:
        name: As the recogniser lists it.
        languages: BCP 47 codes; empty where the recogniser does not say.
        is_streaming: Whether it is for live audio, or for recordings; None where the recogniser
            does not say.
    """

    name: str
    languages: tuple[str, ...]
    is_streaming: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An answer over HTTP.

    Attributes:
        body: Whole.
        media_type: Of the body.
        status: HTTP's.
        headers: Beside the usual ones; those of an error follow from its code.
    """

    body: bytes
    media_type: str = JSON_TYPE
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class AnswerInParts(ABC):
    """An answer that is sent while the recording is heard.

    Each part is never taken back: it holds what can no longer change.

    Attributes:
        media_type: Of all parts together.
    """

    media_type: ClassVar[str]

    @abstractmethod
    def final(self, final: Transcript) -> bytes:
        """Return the part of a final that stands."""

    @abstractmethod
    def done(self, heard: Heard) -> bytes:
        """Return the last part, after all finals."""

    @abstractmethod
    def failed(self, error: ContractError) -> bytes:
        """Return the last part of an answer that breaks off: its status was sent long ago."""


class UploadCodec(ABC):
    """One upload's dialect: reads what its client asks for, and renders what it is answered.

    Attributes:
        name: Label in logs, and in APP_DIALECTS where it is another service's.
        paths: Where recordings are posted.
        models_at: Where the models that are served can be asked for; below each of these paths one
            of them by its name.
        texts: Fields of the form that it wants to see, with what comes of each, for the
            documentation.
        most_parts: Fields of a form in all.
        body_is_file: Whether the body is the file itself, and no form around it.
    """

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]
    models_at: ClassVar[tuple[str, ...]] = ()
    texts: ClassVar[Mapping[str, str]] = {}
    most_parts: ClassVar[int] = 16
    body_is_file: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def open(cls, request: UploadRequest) -> Self:
        """Return an upload's codec; raise ContractError to refuse it before its form comes."""

    def before_form(self) -> Asked | None:
        """Return what it asks for, where the request says so and not its form; None where not."""
        return None

    @abstractmethod
    def asked(self, texts: Texts) -> Asked:
        """Return what it asks for; raise ContractError for what it cannot ask for."""

    @abstractmethod
    def answer(self, heard: Heard) -> HttpAnswer:
        """Return the whole answer."""

    def in_parts(self) -> AnswerInParts | None:
        """Return the answer that is sent while the recording is heard, where one is wanted."""
        return None

    @classmethod
    @abstractmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return the answer to a request that failed."""

    @classmethod
    def models(cls, served: Sequence[ServedModel]) -> HttpAnswer:
        """Return the list of what is served, where the dialect has one."""
        raise NotImplementedError

    @classmethod
    def model(cls, served: ServedModel) -> HttpAnswer:
        """Return one of them."""
        raise NotImplementedError
