"""Which dialects are offered, and what foreign names of models stand for."""

import pytest

from app.gateway.dialects.registry import DIALECTS, UPLOAD_DIALECTS
from app.gateway.settings.dialects import ALL, OtherDialect
from app.gateway.settings.gateway import GatewaySettings
from app.settings import SettingsError

OWN = {"a", "b", "file", "realtime"}
"""Perch's, and the path that two others share."""


def read(**values: str) -> GatewaySettings:
    return GatewaySettings.model_validate(values)


def test_every_dialect_that_is_not_perchs_own_can_be_chosen() -> None:
    spoken = {one.name for one in DIALECTS} | {one.name for one in UPLOAD_DIALECTS}
    assert spoken - OWN == set(map(str, OtherDialect))


@pytest.mark.parametrize(
    ("said", "offered"),
    [("all", ALL), ("NONE ", ()), ("openai", ("openai",)), (" openai, nim,deepgram,", ALL)],
)
def test_dialects_are_named_or_all_or_none(said: str, offered: tuple[str, ...]) -> None:
    settings = read(app_dialects=said)
    assert settings.app_dialects == offered
    assert settings.speaks("openai") == bool(offered)
    assert settings.speaks("nim") == (offered == ALL)
    assert settings.speaks("file")


@pytest.mark.parametrize("said", ["", "openai,deepgramm", "all,openai"])
def test_a_dialect_there_is_not_is_refused_with_those_there_are(said: str) -> None:
    with pytest.raises(
        SettingsError, match=r"APP_DIALECTS is .* accepted: all, none, or of openai"
    ):
        read(app_dialects=said)


@pytest.mark.parametrize(
    ("foreign", "stands_for"),
    [
        ("whisper-1", ""),
        ("GPT-4o-Transcribe", ""),
        ("gpt-4o-mini", "parakeet-small"),
        ("gpt-4o-mini-transcribe", "parakeet-mini"),
        ("nova-3", "parakeet-tdt"),
        ("nova-30", None),
        ("whisper", None),
        ("", None),
    ],
)
def test_a_foreign_name_stands_for_what_the_longest_entry_says(
    foreign: str, stands_for: str | None
) -> None:
    said = "whisper-*, gpt-*, gpt-4o-mini*=parakeet-mini, gpt-4o-mini = parakeet-small"
    settings = read(app_model_aliases=f"{said},Nova-3=parakeet-tdt")
    assert settings.model_for(foreign) == stands_for


def test_without_entries_no_foreign_name_is_known() -> None:
    assert read(app_model_aliases="").model_for("whisper-1") is None


@pytest.mark.parametrize(
    "said", ["=parakeet", "a,A", "a*b", "*", "a b", ",".join(map(str, range(101)))]
)
def test_what_is_no_table_of_names_is_refused(said: str) -> None:
    with pytest.raises(SettingsError, match=r"APP_MODEL_ALIASES is .* accepted: at most 100 names"):
        read(app_model_aliases=said)
