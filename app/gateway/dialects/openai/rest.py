"""OpenAI's REST API for recordings: `POST /v1/audio/transcriptions` and `GET /v1/models`."""

from collections.abc import Sequence
from typing import Final, Self

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_HOTWORDS
from app.gateway.dialects.openai import answers
from app.gateway.dialects.openai.form import TEXTS, TranscriptionForm, read
from app.gateway.dialects.upload import (
    AnswerInParts,
    Asked,
    Heard,
    HttpAnswer,
    ServedModel,
    Texts,
    UploadCodec,
    UploadRequest,
)

_BASES: Final = ("/v1", "/openai/v1")
"""The second is beyond doubt where other services' dialects share the first."""

_TRANSLATIONS: Final = tuple(f"{base}/audio/translations" for base in _BASES)


class OpenAIRestCodec(UploadCodec):
    """Speaks it for one upload."""

    name = "openai"
    paths = (*(f"{base}/audio/transcriptions" for base in _BASES), *_TRANSLATIONS)
    models_at = tuple(f"{base}/models" for base in _BASES)
    texts = TEXTS
    most_parts = len(TEXTS) + MAX_HOTWORDS + 20

    def __init__(self) -> None:
        self._form: TranscriptionForm | None = None

    @classmethod
    def open(cls, request: UploadRequest) -> Self:
        """Return the codec of a transcription; refuse a translation."""
        if request.path in _TRANSLATIONS:
            raise ContractError(
                ErrorCode.BAD_REQUEST,
                detail="Translation is not offered: the recogniser writes the language that is "
                "spoken; POST to audio/transcriptions",
            )
        return cls()

    @property
    def _read(self) -> TranscriptionForm:
        if self._form is None:
            raise RuntimeError("the form was not read")
        return self._form

    def asked(self, texts: Texts) -> Asked:
        """Read the form."""
        self._form = read(texts)
        return self._form.asked

    def in_parts(self) -> AnswerInParts | None:
        """Return events where `stream` is true."""
        return answers.TranscriptEvents() if self._read.in_parts else None

    def answer(self, heard: Heard) -> HttpAnswer:
        """Return the text in the format that was asked for."""
        return answers.answer(self._read, heard)

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error in OpenAI's shape."""
        return answers.refusal(error)

    @classmethod
    def models(cls, served: Sequence[ServedModel]) -> HttpAnswer:
        """Return the list of what is served."""
        return answers.models(served)

    @classmethod
    def model(cls, served: ServedModel) -> HttpAnswer:
        """Return one of them."""
        return answers.model(served)
