"""What a caller may choose for a session; what it leaves open the settings say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from app.asr.wire.requests import join_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.asr.events import Endpointing
    from app.asr.settings import RivaSettings
    from app.asr.wire.requests import Options


class StreamOptions(TypedDict, total=False):
    """Those of `SessionOptions` that have no place of their own in `stream_transcribe`."""

    hotwords: Sequence[str]
    hotword_boost: float | None
    language: str | None
    model: str | None
    endpointing: Endpointing | None
    custom_configuration: Mapping[str, str] | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is asked of the recogniser.

    Attributes:
        sample_rate: Hz of the audio, 8000 to 48000.
        enable_partials: interims too; False gives finals only, as does
            RIVA_ENABLE_PARTIAL_RESULTS=false.
        hotwords: words or phrases to prefer.
        hotword_boost: how strongly, 0 to 100; None takes RIVA_HOTWORD_BOOST.
        language: BCP 47 code; None takes RIVA_LANGUAGE_CODE.
        model: exact name of a listed model, "" for the recogniser's choice; None takes RIVA_MODEL.
        endpointing: when an utterance begins and ends; fields left None take RIVA_ENDPOINTING_*.
        custom_configuration: the model's own settings, added to RIVA_CUSTOM_CONFIGURATION.
        request_id: sent along for the recogniser's logs.
    """

    sample_rate: int = 16_000
    enable_partials: bool = True
    hotwords: Sequence[str] = ()
    hotword_boost: float | None = None
    language: str | None = None
    model: str | None = None
    endpointing: Endpointing | None = None
    custom_configuration: Mapping[str, str] | None = None
    request_id: str | None = None

    def joined(self, settings: RivaSettings) -> Options:
        """Return all that a call asks for.

        Raises:
            AsrError: INVALID_ARGUMENT, naming the argument, its value and what is accepted.
        """
        return join_options(
            settings,
            sample_rate=self.sample_rate,
            hotwords=self.hotwords,
            hotword_boost=self.hotword_boost,
            language=self.language,
            model=self.model,
            endpointing=self.endpointing,
            custom_configuration=self.custom_configuration,
            request_id=self.request_id,
        )
