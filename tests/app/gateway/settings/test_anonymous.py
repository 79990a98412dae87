"""A gateway that others can reach and that asks nobody who he is needs a permission to start."""

from pathlib import Path
from typing import Any

import pytest

from app.gateway.settings.gateway import GatewaySettings
from app.settings import SettingsError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a setting, nothing listens
STATIC = "a-static-token-0123456789"  # pragma: allowlist secret
ISSUER = {
    "app_jwt_keys_url": "https://issuer.example/keys",
    "app_jwt_issuer": "https://issuer.example/",
    "app_jwt_audience": "speech.example",
}


def problems(**values: object) -> list[str]:
    try:
        GatewaySettings.model_validate(values)
    except SettingsError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "10.0.0.1", "speech.example.org"])
def test_beyond_this_machine_somebody_must_say_who_may_connect(host: str) -> None:
    (problem,) = problems(app_host=host)
    assert problem == (
        f"APP_ANONYMOUS is 'refused'; accepted: allowed, as APP_HOST is {host} and nothing says "
        "who may connect; or set one of APP_AUTH_TOKENS_FILE, APP_JWT_KEYS_URL, "
        "APP_ACCESS_LIST_FILE, or listen on 127.0.0.1 alone"
    )


@pytest.mark.parametrize("host", ["127.0.0.1.example.org", "localhost.example.org", "0:0:0:0::1:1"])
def test_what_only_begins_or_ends_like_this_machine_is_beyond_it(host: str) -> None:
    assert len(problems(app_host=host)) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost", "LOCALHOST."])
def test_on_this_machine_alone_nothing_is_asked(host: str) -> None:
    assert problems(app_host=host) == []


@pytest.mark.parametrize(
    "said",
    [{"app_anonymous": "allowed"}, {"app_auth_tokens": STATIC}, ISSUER],
    ids=["permission", "tokens", "issuer"],
)
def test_each_way_of_saying_it_is_enough(said: dict[str, Any]) -> None:
    assert problems(app_host=EVERYWHERE, **said) == []


@pytest.mark.parametrize("word", ["", "true", "yes", "allow", "allowed,refused"])
def test_no_other_word_is_taken_for_the_permission(word: str) -> None:
    (problem,) = problems(app_host=EVERYWHERE, app_anonymous=word)
    assert problem.startswith(f"APP_ANONYMOUS is {word!r}; accepted: refused or allowed")


def test_an_access_list_is_a_way_too_and_beside_it_alone_others_may_be_let_in(
    tmp_path: Path,
) -> None:
    file = tmp_path / "access-list.json"
    file.write_text('{"format": 1}')
    alone = {"app_host": EVERYWHERE, "app_access_list_file": str(file)}
    assert problems(**alone) == []
    for beside, is_open in (
        ({}, False),
        ({"app_anonymous": "allowed"}, True),
        ({"app_anonymous": "allowed", "app_auth_tokens": STATIC}, False),
        ({"app_anonymous": "allowed", **ISSUER}, False),
    ):
        settings = GatewaySettings.model_validate({**alone, **beside})
        assert settings.lets_anonymous_in is is_open


def test_the_default_is_to_listen_on_this_machine_alone() -> None:
    assert GatewaySettings.model_fields["app_host"].default == "127.0.0.1"
    assert problems() == []
