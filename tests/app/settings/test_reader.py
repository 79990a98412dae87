"""Settings that are wrong: all of it is said, and nothing about values that nobody gave."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Le
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from app.settings import (
    Problem,
    Settings,
    SettingsError,
    checked,
    nearest,
    read,
    rule,
    unknown_keys,
)


class Part(Settings):
    most: Annotated[int, Ge(1), Le(100)] = Field(10, description="1 to 100")
    least: Annotated[int, Ge(0), Le(100)] = Field(1, description="0 to 100, at most X_MOST")

    @property
    def room(self) -> int:
        return self.most - self.least

    @rule
    def _there_is_room(self) -> Iterator[Problem]:
        if self.room < 0:
            yield self.problem("least", self.least)


class Whole(Part):
    model_config = SettingsConfigDict(env_prefix="X_", env_file=None)

    name: str = Field("a", description="a name", max_length=3)
    key: SecretStr = Field(SecretStr(""), description="a key", max_length=3)

    @rule
    def _two_rules_speak_each_for_itself(self) -> Iterator[Problem]:
        if self.name == "bad":
            yield self.problem("name", self.name, "another one")
        if self.most == 13:
            yield self.problem("most", self.most, "no bad luck")


def problems(**values: Any) -> list[str]:  # noqa: ANN401 - values of every type are handed over
    with pytest.raises(SettingsError) as caught:
        Whole(**values)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"most": 0}, ["X_MOST is 0; accepted: 1 to 100"]),
        ({"most": "x", "least": 99}, ["X_MOST is 'x'; accepted: 1 to 100"]),
        ({"least": 99}, ["X_LEAST is 99; accepted: 0 to 100, at most X_MOST"]),
        (
            {"least": -1, "name": "bad", "most": 13},
            [
                "X_LEAST is -1; accepted: 0 to 100, at most X_MOST",
                "X_NAME is 'bad'; accepted: another one",
                "X_MOST is 13; accepted: no bad luck",
            ],
        ),
        (
            {"most": None, "name": "bad"},
            ["X_MOST is empty; accepted: 1 to 100", "X_NAME is 'bad'; accepted: another one"],
        ),
        ({"key": "long"}, ["X_KEY is ********; accepted: a key"]),
        ({"name": "n" * 200}, [f"X_NAME is '{'n' * 119}... (202 characters); accepted: a name"]),
    ],
)
def test_fields_come_first_and_a_rule_speaks_where_its_fields_are_right(
    values: dict[str, Any], said: list[str]
) -> None:
    assert problems(**values) == said


def test_what_could_be_read_is_there_for_rules_over_several_groups() -> None:
    def across(one: Whole, other: Whole) -> Iterator[Problem]:
        if one.name == other.name:
            yield one.problem("name", one.name, "not twice")
        if one.most == other.most:
            yield one.problem("most", one.most, "not twice")

    whole, none = read(Whole, name="b")
    part, wrong = read(Whole, name="b", most="x")
    assert none == ()
    assert [problem.key for problem in wrong] == ["X_MOST"]
    assert [problem.key for problem in checked(across, whole, part)] == ["X_NAME"]
    assert [problem.key for problem in checked(across, whole, whole)] == ["X_NAME", "X_MOST"]


def test_a_misspelt_key_is_found_in_the_environment_and_in_the_file_with_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings"
    file.write_text("x_lesat=3\nX_MOST=4\nOTHER=5\n", encoding="utf-8")
    monkeypatch.setenv("X_NMAE", "b")
    monkeypatch.setenv("x_key", "b")
    known = Whole.env_keys()
    assert known == {"X_MOST", "X_LEAST", "X_NAME", "X_KEY"}
    unknown = unknown_keys(known, ("X_",), file)
    assert unknown == ("X_LESAT", "X_NMAE")
    assert [nearest(key, known) for key in unknown] == ["X_LEAST", "X_NAME"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("RIVA_ENDPIONTS", "RIVA_ENDPOINTS"),
        ("RIVA_HSOT", "RIVA_HOST"),
        ("RIVA_MAX_UPLOAD_MB", "APP_MAX_UPLOAD_MB"),
        # The predecessor's, for its build scripts, and Kubernetes' beside a service called riva.
        ("RIVA_SERVICEMAKER_VERSION", None),
        ("RIVA_READY_TIMEOUT", None),
        ("RIVA_SERVICE_HOST", None),
        ("RIVA_PORT_50051_TCP", None),
        ("APP_ENV", None),
    ],
)
def test_what_is_near_a_key_is_taken_for_it_and_what_is_somebody_elses_is_not(
    key: str, meant: str | None
) -> None:
    known = ("RIVA_ENDPOINTS", "RIVA_HOST", "RIVA_PORT", "RIVA_FILE_TIMEOUT_MS", "APP_HOST")
    assert nearest(key, (*known, "APP_MAX_UPLOAD_MB", "RIVA_ENDPOINT_STREAMS")) == meant
