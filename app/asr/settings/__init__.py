"""The recogniser's settings: environment variables RIVA_*, and the same keys in a `.env` file.

`RivaSettings` has every one of them; each has an effect. The parts beside it hold the fields with
the rules between them.
"""

from pydantic_settings import SettingsConfigDict

from app.asr.settings.connection import ConnectionSettings
from app.asr.settings.limits import LimitSettings
from app.asr.settings.recognition import LANGUAGE_PATTERN, RecognitionSettings

__all__ = ["LANGUAGE_PATTERN", "RivaSettings"]


class RivaSettings(ConnectionSettings, RecognitionSettings, LimitSettings):
    """How to reach the recogniser and what to ask of it; field x is the variable RIVA_X.

    Raises `SettingsError` naming every problem at once: key, value (a secret's is masked), what is
    accepted.
    """

    model_config = SettingsConfigDict(env_prefix="RIVA_")
