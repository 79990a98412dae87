"""Secrets that change under a machine that serves: real bash and curl, SSM as moto plays it.

How the question is signed is in test_recognition_watch.py: both ask by the same function. That a
gateway takes a file that was replaced is in tests/app.
"""

from http import HTTPStatus

import pytest

from infra.authority import first_identity
from tests.infra.boot.standins import answers
from tests.infra.boot.standins.host import Host, gateway_identity
from tests.infra.boot.test_recognition_watch import Answering, aws, machine, turn, watching

__all__ = ["aws", "machine"]
NAME = "/perch/dev/secrets-version"
SCRIPT = "secrets-watch"


def secrets(host: Host, *identities: str) -> None:
    """Let Secrets Manager give these one after the other for the gateway, the last for ever."""
    for number, identity in enumerate(identities):
        last = number + 1 == len(identities)
        host.answer("gateway-tls", out=identity, times=None if last else 1)
    host.answer("get-secret-value", out="a-word\n")


def test_fetches_every_secret_again_when_the_version_is_another(machine: Host, aws: str) -> None:
    new = first_identity("dev")
    secrets(machine, gateway_identity(), new)
    turn(aws, "0", NAME)
    with watching(machine, aws, SCRIPT) as watch:
        watch.until("version 0")
        assert machine.gateway_tls.read_text() == gateway_identity().rstrip()
        turn(aws, "1795000000000", NAME)
        watch.until("version 1795000000000")
        assert machine.gateway_tls.read_text() == new.rstrip()
        assert machine.gateway_tls.stat().st_mode & 0o077 == 0
        assert not list((machine.run_folder / "files").glob("*.new"))
    version = machine.run_folder / "secrets" / "version"
    assert version.read_text() == "1795000000000\n"
    assert "PRIVATE" not in "".join(watch.said)


def test_a_machine_that_has_them_does_not_fetch_them_again(machine: Host, aws: str) -> None:
    turn(aws, "7", NAME)
    (machine.run_folder / "secrets" / "version").write_text("7\n")
    secrets(machine, gateway_identity())
    with watching(machine, aws, SCRIPT) as watch:
        turn(aws, "8", NAME)
        watch.until("version 8")
    assert len(machine.calls("get-secret-value", "gateway-tls")) == 1


def test_keeps_what_it_has_until_the_new_ones_can_be_had(machine: Host, aws: str) -> None:
    turn(aws, "1", NAME)
    machine.answer("gateway-tls", err=answers.UNREACHABLE, status=255, times=2)
    secrets(machine, first_identity("dev"))
    with watching(machine, aws, SCRIPT) as watch:
        watch.until("could not be read")
        assert machine.gateway_tls.read_text() == gateway_identity()
        watch.until("version 1")
    assert machine.gateway_tls.read_text() != gateway_identity()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (HTTPStatus.BAD_REQUEST, '{"__type":"AccessDeniedException"}'),
        (HTTPStatus.OK, '{"Parameter":{"Value":"$(reboot)"}}'),
    ],
)
def test_says_once_that_nobody_tells_the_version_and_fetches_nothing(
    machine: Host, status: HTTPStatus, body: str
) -> None:
    ssm = Answering(status, body)
    secrets(machine, gateway_identity())
    with ssm.serving() as url, watching(machine, url, SCRIPT) as watch:
        watch.until("the secrets stay")
        assert not machine.calls("get-secret-value")
        ssm.status, ssm.body = HTTPStatus.OK, '{"Parameter":{"Value":"2"}}'
        watch.until("version 2")
    assert "".join(watch.said).count("the secrets stay") == 1
