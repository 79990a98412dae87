"""What a Host header names, and which names are accepted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.gateway.admission.hosts import AcceptedHosts, Authority
from app.gateway.settings.access import checked_host
from app.gateway.settings.gateway import GatewaySettings
from app.settings import SettingsError

OWN = "speech.example"


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("speech.example", True),
        ("SPEECH.Example.:8443", True),
        ("a.b.cells.example", True),
        ("cells.example", False),
        ("evilcells.example", False),
        ("speech.example.evil.example", False),
        ("evil.example", False),
        ("gateway", False),
        # What a health check of a load balancer, a probe on this machine and a person there say.
        ("10.66.1.17:8080", True),
        ("127.0.0.1", True),
        ("[::1]:8080", True),
        ("localhost:8443", True),
        ("perch.localhost", True),
        ("[evil", False),
        ("a@speech.example", False),
        ("speech.example/x", False),
        ("speech.example:port", False),
        ("127.0.0.1.evil.example", False),
        ("[::1].evil.example", False),
        ("", False),
        (".", False),
    ],
)
def test_listed_names_addresses_and_localhost_are_accepted(host: str, accepted: bool) -> None:
    assert AcceptedHosts((OWN, "*.cells.example")).accept(host) is accepted


@pytest.mark.parametrize(
    ("host", "accepted"), [("gateway:8080", True), ("evil.example", False), ("127.1", False)]
)
def test_with_none_listed_only_names_without_a_dot_are_accepted_besides(
    host: str, accepted: bool
) -> None:
    assert AcceptedHosts(()).accept(host) is accepted


def test_a_star_accepts_every_name_but_nothing_that_is_none() -> None:
    assert AcceptedHosts(("*",)).accept("evil.example")
    assert not AcceptedHosts(("*",)).accept("[evil")


@pytest.mark.parametrize(
    "entry", ["https://a.example", "a.example:8443", "a b", "*a.example", "[::1]"]
)
def test_an_entry_that_is_no_name_is_refused_when_settings_are_read(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host name"):
        checked_host(entry)
    with pytest.raises(SettingsError) as refused:
        GatewaySettings.model_validate({"app_allowed_hosts": f"{OWN},{entry}"})
    (problem,) = refused.value.problems
    assert (problem.key, problem.value) == ("APP_ALLOWED_HOSTS", repr(f"{OWN},{entry}"))


@given(st.text())
@settings(max_examples=300, derandomize=True)
def test_any_text_is_a_host_or_is_none_and_reads_back_as_itself(text: str) -> None:
    try:
        read = Authority.parse(text)
    except ValueError:
        return
    host = f"[{read.host}]" if ":" in read.host else read.host
    again = Authority.parse(host if read.port is None else f"{host}:{read.port}")
    assert again == read
