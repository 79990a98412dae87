"""The recogniser's settings: environment variables RIVA_*, and the same keys in a `.env` file.

`RivaSettings` has every one of them; each has an effect. The parts beside it hold the fields with
the rules between them.
"""

from collections.abc import Iterator
from typing import Self

from pydantic_settings import SettingsConfigDict

from app.asr.settings.connection import ConnectionSettings
from app.asr.settings.groups import DEFAULT_GROUP, LANGUAGE_PATTERN
from app.asr.settings.limits import LimitSettings
from app.asr.settings.recognition import RecognitionSettings
from app.settings import Problem, rule

__all__ = ["DEFAULT_GROUP", "LANGUAGE_PATTERN", "RivaSettings"]


class RivaSettings(ConnectionSettings, RecognitionSettings, LimitSettings):
    """How to reach the recogniser and what to ask of it; field x is the variable RIVA_X.

    Raises `SettingsError` naming every problem at once: key, value (a secret's is masked), what is
    accepted.
    """

    model_config = SettingsConfigDict(env_prefix="RIVA_")

    def of_group(self, name: str) -> Self:
        """Return the same settings for the recognisers of one group alone.

        Args:
            name: of RIVA_GROUPS, or `DEFAULT_GROUP`.

        Raises:
            KeyError: there is no such group.
        """
        if name == DEFAULT_GROUP:
            return self
        group = self.groups[name]
        streams = group.endpoint_streams
        return self.model_copy(
            update={
                "endpoints": group.endpoints,
                "fallback_endpoints": (),
                "groups": {},
                "model": group.model,
                "language_code": group.languages[0],
                "ssl": self.is_secure(group),
                "ssl_server_name": group.ssl_server_name,
                "endpoint_streams": self.endpoint_streams if streams is None else streams,
            }
        )

    @rule
    def _a_language_has_one_group(self) -> Iterator[Problem]:
        owners = {self.language_code.lower(): "RIVA_LANGUAGE_CODE"}
        for name, group in self.groups.items():
            for language in group.languages:
                owner = owners.setdefault(language.lower(), name)
                if owner != name:
                    accepted = f"a language that no other has; {owner} names it"
                    yield self.part_problem("groups", (name, "languages"), language, accepted)

    @rule
    def _a_recogniser_has_one_group(self) -> Iterator[Problem]:
        # What it takes would count in both.
        owners = {(one.host, one.port): "RIVA_ENDPOINTS" for one in self.addresses}
        for name, group in self.groups.items():
            for one in group.endpoints:
                owner = owners.setdefault((one.host, one.port), name)
                if owner != name:
                    place = f"{one.host}:{one.port}"
                    accepted = f"a recogniser that no other has; {owner} names it"
                    yield self.part_problem("groups", (name, "endpoints"), place, accepted)

    @rule
    def _streams_of_groups_fit_into_connections(self) -> Iterator[Problem]:
        places = self.channels * self.max_streams_per_channel
        for name, group in self.groups.items():
            if (group.endpoint_streams or 0) > places:
                yield self.part_problem(
                    "groups",
                    (name, "endpoint_streams"),
                    group.endpoint_streams,
                    f"at most RIVA_CHANNELS x RIVA_MAX_STREAMS_PER_CHANNEL ({places})",
                )
