"""Deepgram's transcription of recordings: the file itself is posted to `/v1/listen`.

What it asks for stands in the address, by the names of live audio.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Self
from uuid import uuid4

from app.asr import Transcript
from app.contract import ContractError, ErrorCode
from app.gateway.dialects.deepgram import answers, results
from app.gateway.dialects.deepgram.options import Options, of_recording
from app.gateway.dialects.json_objects import encoded
from app.gateway.dialects.upload import Asked, Heard, HttpAnswer, Texts, UploadCodec, UploadRequest

_JSON: Final = "application/json"


class DeepgramRecordingCodec(UploadCodec):
    """Speaks it for one upload.

    Args:
        options: As the address has them.
        has_utterances: Whether segments are wanted one by one.
    """

    name = "deepgram"
    paths = ("/v1/listen", "/deepgram/v1/listen")
    body_is_file = True

    def __init__(self, options: Options, *, has_utterances: bool) -> None:
        self._options = options
        self._has_utterances = has_utterances
        self._request_id = str(uuid4())

    @classmethod
    def open(cls, request: UploadRequest) -> Self:
        """Return the codec of an upload; refuse what would be silently wrong, and an address."""
        if request.content_type.partition(";")[0].strip().lower() == _JSON:
            raise ContractError(
                ErrorCode.BAD_REQUEST,
                detail="The gateway fetches nothing from an address; post the file itself",
            )
        options, has_utterances = of_recording(request.options)
        return cls(options, has_utterances=has_utterances)

    def before_form(self) -> Asked:
        """Return what the address asks for."""
        options = self._options
        return Asked(language=options.language, model=options.model, hotwords=options.hotwords)

    def asked(self, texts: Texts) -> Asked:  # noqa: ARG002 - there is no form
        """Return what the address asks for."""
        return self.before_form()

    def answer(self, heard: Heard) -> HttpAnswer:
        """Return what was heard, with the text's own words and times."""
        transcript, model = heard.transcript, self._options.model
        one = results.alternative(transcript.text, transcript.confidence, transcript.words)
        found: dict[str, object] = {"channels": [{"alternatives": [one]}]}
        if self._has_utterances:
            found["utterances"] = _utterances(transcript.segments)
        uuid = results.model_id(model)
        metadata = {
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": heard.sha256,
            "created": results.stamp(datetime.now(UTC)),
            "duration": results.seconds(transcript.duration),
            "channels": 1,
            "models": [uuid],
            "model_info": {uuid: results.model_info(model)},
        }
        return HttpAnswer(
            body=encoded({"metadata": metadata, "results": found}).encode(),
            headers={answers.REQUEST_ID: self._request_id},
        )

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error in Deepgram's shape."""
        return answers.refusal(error, str(uuid4()))


def _utterances(segments: Sequence[Transcript]) -> list[dict[str, object]]:
    """Return the segments whose times are known: an utterance has to have some."""
    return [
        {
            "start": results.seconds(one.words[0].start),
            "end": results.seconds(max(word.end for word in one.words)),
            "confidence": one.confidence or 0.0,
            "channel": 0,
            "transcript": one.text,
            "words": results.words_of(one.words),
            "id": str(uuid4()),
        }
        for one in segments
        if one.words
    ]
