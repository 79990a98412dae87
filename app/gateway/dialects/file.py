"""Perch's own dialect of uploads: `POST /transcribe/file`, which the predecessor had too."""

import json
from datetime import UTC, datetime
from typing import Self

from app.contract import ContractError
from app.contract.limits import SERVICE
from app.gateway.dialects.upload import Asked, Heard, HttpAnswer, Texts, UploadCodec, UploadRequest


class FileCodec(UploadCodec):
    """Speaks it."""

    name = "file"
    paths = ("/transcribe/file",)

    def __init__(self, language: str | None) -> None:
        self._asked = Asked(language=language)

    @classmethod
    def open(cls, request: UploadRequest) -> Self:
        """Return the codec of an upload in the language that its query names."""
        return cls(request.query.get("language") or None)

    def before_form(self) -> Asked:
        """Return the language: the form comes after the decision who takes it."""
        return self._asked

    def asked(self, texts: Texts) -> Asked:  # noqa: ARG002 - the form has its file alone
        """Return the same."""
        return self._asked

    def answer(self, heard: Heard) -> HttpAnswer:
        """Return the words in the predecessor's shape."""
        result = heard.transcript
        return _json(
            {
                "status": "success",
                "filename": heard.filename,
                "transcript": result.text,
                "confidence": result.confidence,
                "duration": round(result.duration, 3),
                "service": SERVICE,
                "timestamp": datetime.now(UTC).isoformat(),
                "words": [
                    {
                        "word": word.word,
                        "start": round(word.start, 3),
                        "end": round(word.end, 3),
                        "confidence": word.confidence,
                    }
                    for word in result.words
                ],
                "warnings": list(result.warnings),
            }
        )

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error with the contract's four keys, and the predecessor's two."""
        body = error.body().model_dump() | {"status": "error", "message": error.sentence}
        return _json(body, error.spec.http_status or 500)


def _json(body: dict[str, object], status: int = 200) -> HttpAnswer:
    return HttpAnswer(body=json.dumps(body, ensure_ascii=False).encode(), status=status)
