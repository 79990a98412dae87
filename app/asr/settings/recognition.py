"""What is asked of a recogniser where a caller does not say it."""

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_settings import NoDecode

from app.asr.settings.groups import LANGUAGE_PATTERN
from app.settings import Problem, Settings, rule
from app.settings.types import EmptyIsNone


def _pairs(value: object) -> object:
    """Parse "key:value,key:value"; a mapping passes as it is."""
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        key, colon, text = item.partition(":")
        if not (colon and key.strip() and text.strip()) or ":" in text:
            raise ValueError(f"{item!r} is not of the form key:value")
        pairs[key.strip()] = text.strip()
    return pairs


OptionalHistory = Annotated[Annotated[int, Ge(1), Le(60_000)] | None, EmptyIsNone]
OptionalShare = Annotated[Annotated[float, Ge(0.0), Le(1.0)] | None, EmptyIsNone]


class RecognitionSettings(Settings):
    """What an operator chooses for every recognition."""

    model: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="exact name of a model the recogniser lists; empty leaves the choice to it"
    )
    language_code: Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)] = Field(
        "en-US", description="a BCP 47 language code such as en-US"
    )
    enable_automatic_punctuation: bool = Field(
        True, description="true or false: punctuation and capitals"
    )
    enable_word_time_offsets: bool = Field(True, description="true or false: times of each word")
    profanity_filter: bool = Field(False, description="true or false: mask profanity")
    verbatim_transcripts: bool = Field(
        False, description="true or false: numbers, dates and the like stay in words"
    )
    hotword_boost: Annotated[float, Ge(0.0), Le(100.0)] = Field(
        10.0, description="strength of hotwords without one of their own, 0 to 100"
    )
    custom_configuration: Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict,
        description="key:value pairs joined by commas, such as neural_vad.onset:0.85",
    )

    endpointing_start_history_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms (multiples of 80 suit the models), or empty"
    )
    endpointing_start_threshold: OptionalShare = Field(None, description="0 to 1, or empty")
    endpointing_stop_history_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms (560 or more keeps the accuracy), or empty"
    )
    endpointing_stop_threshold: OptionalShare = Field(None, description="0 to 1, or empty")
    endpointing_stop_history_eou_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms, below RIVA_ENDPOINTING_STOP_HISTORY_MS, or empty"
    )
    endpointing_stop_threshold_eou: OptionalShare = Field(None, description="0 to 1, or empty")

    @rule
    def _an_early_end_comes_before_the_end(self) -> Iterator[Problem]:
        early, final = self.endpointing_stop_history_eou_ms, self.endpointing_stop_history_ms
        if early is not None and final is not None and early >= final:
            yield self.problem("endpointing_stop_history_eou_ms", early)
