"""The settings of an issuer of tokens: each mistake is named before a gateway starts."""

from pathlib import Path

import pytest

from app.gateway.settings.gateway import GatewaySettings
from app.settings import SettingsError
from tests.support.issuer import key_set

URL = "https://issuer.example/keys"
WHOLE = {
    "app_jwt_keys_url": URL,
    "app_jwt_issuer": "https://issuer.example",
    "app_jwt_audience": "speech",
}


def problems(**changes: object) -> list[str]:
    given = {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}
    try:
        GatewaySettings.model_validate(given)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_an_issuer_its_keys_and_an_audience_are_enough() -> None:
    assert problems() == []
    settings = GatewaySettings.model_validate(WHOLE)
    assert settings.has_issuer
    assert settings.app_jwt_algorithms == ("RS256", "ES256", "EdDSA")
    assert not GatewaySettings.model_validate({}).has_issuer


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"app_jwt_issuer": ""}, ["APP_JWT_ISSUER"]),
        (
            {"app_jwt_issuer": None, "app_jwt_audience": None},
            ["APP_JWT_ISSUER", "APP_JWT_AUDIENCE"],
        ),
        ({"app_jwt_keys_url": None}, ["APP_JWT_KEYS_URL"]),
        ({"app_jwt_keys_url": "http://issuer.example/keys"}, ["APP_JWT_KEYS_URL"]),
        ({"app_jwt_keys_url": "https://"}, ["APP_JWT_KEYS_URL"]),
        ({"app_jwt_algorithms": "none"}, ["APP_JWT_ALGORITHMS"]),
        ({"app_jwt_algorithms": ""}, ["APP_JWT_ALGORITHMS"]),
        ({"app_jwt_algorithms": "ES256,HS256"}, ["APP_JWT_ALGORITHMS"]),
        ({"app_jwt_algorithms": "HS256"}, ["APP_JWT_ALGORITHMS"]),
        ({"app_jwt_max_lifetime_s": 0}, ["APP_JWT_MAX_LIFETIME_S"]),
        ({"app_jwt_leeway_s": -1}, ["APP_JWT_LEEWAY_S"]),
    ],
)
def test_what_does_not_go_together_is_named_by_its_key(
    changes: dict[str, object], keys: list[str]
) -> None:
    assert [problem.partition(" ")[0] for problem in problems(**changes)] == keys


def test_a_file_of_keys_is_read_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(("ES256", "one")))
    alone = {"app_jwt_keys_url": None, "app_jwt_keys_file": str(path)}
    assert problems(**alone) == []
    assert problems(app_jwt_keys_file=str(path)) != []  # beside an address
    [said] = problems(**alone, app_jwt_algorithms="EdDSA")
    assert "none of its 1 keys is for EdDSA" in said
    path.write_text("{")
    [said] = problems(**alone)
    assert "it is no JSON" in said


def test_an_access_list_that_is_none_is_told_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "access-list.json"
    path.write_text('{"format": 1}')
    assert problems(app_access_list_file=str(path)) == []
    assert GatewaySettings.model_validate({"app_access_list_file": ""}).access_list() is None
    for content, told in (("", "Invalid JSON"), ('{"format": 2}', "format: Input should be 1")):
        path.write_text(content)
        [said] = problems(app_access_list_file=str(path))
        assert said.startswith("APP_ACCESS_LIST_FILE ")
        assert told in said
    path.unlink()
    [said] = problems(app_access_list_file=str(path))
    assert said.startswith("APP_ACCESS_LIST_FILE ")
    assert "Traceback" not in said
