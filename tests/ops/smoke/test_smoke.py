"""What `perch smoke` says when something is wrong; when all is right is in test_up."""

import asyncio
import json
import ssl
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner
from pydantic import SecretStr

from ops.local.load_balancer.routing import Answer, Request, Target
from ops.smoke import checks, recording
from ops.smoke import command as smoke
from ops.smoke.checks import Slo, Smoke
from ops.smoke.latency import Latency
from ops.smoke.recording import Recording
from ops.smoke.report import Report
from ops.stack import StackOutputs
from ops.status import version
from tests.ops.fronts import Chooser, running_front, running_target
from tests.support.gateways.breaking import At, Fault, breaking
from tests.support.gateways.running import running_emulator, running_gateway
from tests.support.outputs import OUTPUTS

SILENT = Recording(path=recording.DEFAULT, reference=None)


def outputs_at(port: int, ca: Path | None) -> StackOutputs:
    return StackOutputs.model_validate(
        OUTPUTS
        | {
            "endpoint_url": f"https://localhost:{port}",
            "websocket_url": f"wss://localhost:{port}",
            "listener_port": port,
            "ca_certificate_path": None if ca is None else str(ca),
        }
    )


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@asynccontextmanager
async def endpoint(
    choose: Chooser, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, ca: Path | None
) -> AsyncIterator[StackOutputs]:
    async with running_front(choose, server_tls, client_tls) as front:
        yield outputs_at(front.port, ca)


def statuses(report: Report) -> list[str]:
    return [check.status for check in report.checks]


async def test_an_endpoint_that_does_not_listen_fails_once_and_skips_the_rest(
    unused_tcp_port: int,
) -> None:
    report = await Smoke(outputs=outputs_at(unused_tcp_port, None), recorded=SILENT).run()
    assert not report.ok
    assert statuses(report) == ["failed"] + ["skipped"] * 9
    assert f"nothing listens on localhost port {unused_tcp_port}" in report.checks[0].detail


async def test_a_name_that_does_not_resolve_is_said_so() -> None:
    outputs = outputs_at(443, None).model_copy(update={"endpoint_url": "https://perch.invalid"})
    report = await Smoke(outputs=outputs, recorded=SILENT).run()
    assert report.checks[0].detail.startswith("the name perch.invalid does not resolve")


async def test_a_certificate_that_is_not_trusted_is_the_end_of_it(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    def never(request: Request) -> Target | Answer:
        raise AssertionError(request)

    async with endpoint(never, server_tls, client_tls, None) as outputs:
        report = await Smoke(outputs=outputs, recorded=SILENT).run()
    assert statuses(report) == ["ok", "failed", *["skipped"] * 8]
    detail = report.checks[1].detail
    assert detail.startswith("it does not prove localhost: unable to get local issuer certificate")
    assert detail.endswith("; name the PEM file of its authority with --ca")


async def test_an_authority_that_is_named_stands_in_for_the_stacks_and_no_proxy_is_asked(
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "all_proxy", "https_proxy", "socks_proxy"):
        monkeypatch.setenv(name, "socks5h://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "[::1")
    said = Answer(status=200, body="{}")
    async with endpoint(lambda _: said, server_tls, client_tls, None) as outputs:
        report = await Smoke(outputs=outputs, recorded=SILENT, authority=ca_file).run()
    assert statuses(report) == ["ok"] * 5 + ["warning"] * 2 + ["failed"] * 3
    assert report.checks[7].detail.startswith("the gateway refused the connection: HTTP 200")


async def test_a_proxy_that_cannot_be_used_on_the_way_elsewhere_is_a_failed_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    outputs = outputs_at(443, None).model_copy(update={"endpoint_url": "https://perch.invalid"})
    checked = await checks._time("x", Smoke(outputs=outputs, recorded=SILENT)._alive)
    assert checked.status == "failed"
    assert checked.detail.startswith("GET /healthz: the proxy that the environment names (HTTPS_")


def test_a_recording_that_is_none_is_a_failed_check(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_text("no sound")
    smoke = Smoke(outputs=outputs_at(9, None), recorded=recording.find(tmp_path / "noise.wav"))
    checked = asyncio.run(checks._time("x", smoke._session))
    assert (checked.status, "noise.wav" in checked.detail) == ("failed", True)


async def test_an_authority_file_that_is_gone_is_named(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    async with endpoint(
        lambda _: Answer(status=503), server_tls, client_tls, tmp_path / "gone.pem"
    ) as outputs:
        report = await Smoke(outputs=outputs, recorded=SILENT).run()
    assert report.checks[1].detail == f"the authority's file {tmp_path / 'gone.pem'} is not there"
    (tmp_path / "empty.pem").write_text("")
    broken = Smoke(outputs=outputs, recorded=SILENT, authority=tmp_path / "empty.pem")
    checked = await checks._time("x", broken._certificate)
    assert checked.detail == f"the authority's file {tmp_path / 'empty.pem'} holds no certificate"


async def test_a_gateway_that_is_not_ready_fails_with_its_own_words(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, ca_file: Path
) -> None:
    def choose(request: Request) -> Target | Answer:
        said = '{"reasons":["the recogniser is loading"]}'
        return Answer(status=200 if request.path == "/healthz" else 503, body=said)

    async with endpoint(choose, server_tls, client_tls, ca_file) as outputs:
        report = await Smoke(outputs=outputs, recorded=SILENT, awake=["blue"]).run()
    assert statuses(report) == [
        "ok",
        "ok",
        "ok",
        "failed",
        "failed",
        "warning",
        "warning",
        *["failed"] * 3,
    ]
    assert report.checks[3].detail == "GET /readyz answers HTTP 503: the recogniser is loading"
    assert report.checks[4].detail.startswith("blue: HTTP 503")
    assert report.heard is None


async def test_a_session_that_needed_another_connection_says_so(
    server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    async with breaking([Fault(at=At.FINAL, count=2)], tls=server_tls) as gateway:
        port = int(gateway.url.split(":")[2].split("/")[0])
        smoke = Smoke(outputs=outputs_at(port, ca_file), recorded=SILENT)
        said = await smoke._session()
    assert "; the connection broke 1 time(s), for " in said
    assert said.endswith("and was made again (the connection ended with close code 1006)")
    assert smoke.heard is not None
    assert smoke.heard.reconnects == 1


async def test_a_colour_may_sleep_unless_it_must_be_awake(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, ca_file: Path
) -> None:
    async with running_target("blue") as blue:

        def choose(request: Request) -> Target | Answer:
            asleep = request.values("x-perch-colour") == ["green"]
            return Answer(status=503, body="green is not healthy") if asleep else blue

        async with endpoint(choose, server_tls, client_tls, ca_file) as outputs:
            may = await Smoke(outputs=outputs, recorded=SILENT, awake=["blue"]).run()
            must = await Smoke(outputs=outputs, recorded=SILENT, awake=["blue", "green"]).run()
    words = "blue is ready; green: HTTP 503 green is not healthy"
    assert (may.checks[4].status, may.checks[4].detail) == ("ok", words)
    assert (must.checks[4].status, must.checks[4].detail) == ("failed", words)


async def test_one_colour_can_be_asked_for_in_every_check(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, ca_file: Path
) -> None:
    asked: set[tuple[str, tuple[str, ...]]] = set()

    def choose(request: Request) -> Target | Answer:
        asked.add((request.path, tuple(request.values("X-Perch-Colour"))))
        return Answer(status=503)

    async with endpoint(choose, server_tls, client_tls, ca_file) as outputs:
        await Smoke(outputs=outputs, recorded=SILENT, colour="green").run()
    assert {path for path, colour in asked if colour == ("green",)} == {
        *("/healthz", "/readyz", "/", "/ws/transcribe")
    }
    assert {colour for path, colour in asked if path != "/readyz"} == {("green",)}


def test_the_command_prints_a_line_a_check_and_fails_as_a_whole(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    (tmp_path / "outputs.json").write_text(outputs_at(unused_tcp_port, None).model_dump_json())
    arguments = ["--state-dir", str(tmp_path)]
    plain = CliRunner().invoke(smoke.command, arguments)
    assert plain.exit_code == 1
    first, *others = plain.output.splitlines()
    assert first.startswith("FAILED  the endpoint takes connections (")
    assert len(others) == 9
    assert all(line.startswith("SKIPPED ") for line in others)
    report = json.loads(CliRunner().invoke(smoke.command, [*arguments, "--json"]).output)
    assert (report["ok"], report["stack"], len(report["checks"])) == (False, "local", 10)


def test_checks_that_hang_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SESSION_SECONDS", 0.05)

    async def hang() -> str:
        await asyncio.sleep(600)
        return ""

    done = asyncio.run(checks._time("x", hang))
    assert (done.status, done.detail) == ("failed", "not done after 0 s")


TOKEN = "a-token-of-somebody"
HELLO = Recording(path=recording.DEFAULT, reference="hello world")


@asynccontextmanager
async def through_a_gateway(
    tls: dict[str, ssl.SSLContext], ca: Path, *, tokens: str = ""
) -> AsyncIterator[StackOutputs]:
    """The outputs of an endpoint with a real gateway, whose recogniser says hello world."""
    async with (
        running_emulator() as emulator,
        running_gateway(emulator, app_auth_tokens=tokens, app_colour="blue") as gateway,
    ):
        port = int(gateway.url.rsplit(":", 1)[1])
        target = Target(name="blue", host="127.0.0.1", port=port)
        async with running_front(lambda _: target, tls["server_tls"], tls["client_tls"]) as front:
            yield outputs_at(front.port, ca)


async def checked(smoke: Smoke) -> dict[str, tuple[str, str]]:
    report = await smoke.run()
    return {check.name: (check.status, check.detail) for check in report.checks}


async def test_a_wrong_token_is_refused_and_both_dialects_hear_with_the_right_one(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file, tokens=TOKEN) as outputs:
        smoke = Smoke(outputs=outputs, recorded=HELLO, token=SecretStr(TOKEN))
        report = await smoke.run()
        without = await checked(Smoke(outputs=outputs, recorded=HELLO))
    assert statuses(report) == ["ok"] * 10, report
    assert report.version is not None
    assert (report.model, report.certificate_days) == (None, smoke.certificate_days)
    assert report.answered == ("blue",)
    assert report.checks[3].detail == "blue has 0 of 50 sessions, recognition is on"
    assert report.checks[5].detail == "answered: blue 5 of 5 times"
    assert report.checks[8].detail == "refused with HTTP 401"
    assert (
        report.checks[9].detail == "0.0% of the words wrong, model of the recogniser's own choice"
    )
    # The gateway tells a stranger that it is well, and nothing else.
    assert without["the gateway is alive"] == ("ok", 'HTTP 200 {"status":"ok"}')
    assert without["the gateway is ready"] == ("ok", 'HTTP 200 {"ready":true}')
    for check in ("the colour that answers says so", "the model is listed"):
        status, detail = without[check]
        assert status == "warning"
        assert detail.endswith("it tells who shows a token with the scope admin")
    assert without["a wrong token is refused"][0] == "ok"
    assert without["dialect B recognises it too"] == ("failed", "/ws/transcribe answers HTTP 401")


async def test_status_has_the_version_by_the_token_and_says_how_without_one(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file, tokens=TOKEN) as outputs:
        known = await asyncio.to_thread(version.running, outputs, SecretStr(TOKEN), "blue")
        unknown = await asyncio.to_thread(version.running, outputs, None, "blue")
    assert known[0] is not None
    assert known[1] == ""
    assert unknown[0] is None
    assert unknown[1].endswith("tells it who shows a token with the scope admin: PERCH_TOKEN")


async def test_a_gateway_that_lets_a_wrong_token_in_is_told_where_one_was_given(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file) as outputs:
        opened = await checked(Smoke(outputs=outputs, recorded=HELLO, token=SecretStr(TOKEN)))
        usual = await checked(Smoke(outputs=outputs, recorded=HELLO))
    status, detail = opened["a wrong token is refused"]
    assert (status, detail.partition(":")[0]) == ("failed", "it is let in")
    said = "this stack asks for no token: whoever reaches it may speak"
    assert usual["a wrong token is refused"] == ("ok", said)


async def test_another_model_or_other_words_over_dialect_b_fail_it(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file) as outputs:
        blue = outputs.colours.blue.model_copy(update={"model": "parakeet"})
        colours = outputs.colours.model_copy(update={"blue": blue, "green": blue})
        other = outputs.model_copy(update={"colours": colours})
        model = await checked(Smoke(outputs=other, recorded=HELLO))
        wrong = Recording(path=recording.DEFAULT, reference="goodbye moon")
        words = await checked(Smoke(outputs=outputs, recorded=wrong))
    name = "dialect B recognises it too"
    assert model[name] == ("failed", "the gateway asks for model None; deployed: parakeet")
    assert words[name][0] == "failed"
    assert "of the words wrong" in words[name][1]


async def test_another_colour_than_the_one_asked_for_fails_it(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file) as outputs:
        right = await checked(Smoke(outputs=outputs, recorded=HELLO, colour="blue"))
        wrong = await checked(Smoke(outputs=outputs, recorded=HELLO, colour="green"))
    name = "the colour that answers says so"
    assert right[name] == ("ok", "answered: blue 5 of 5 times")
    assert wrong[name] == ("failed", "green was asked for; answered: blue 5 of 5 times")


async def test_a_certificate_that_ends_too_soon_fails_and_every_other_check_is_made(
    tls: dict[str, ssl.SSLContext], ca_file: Path
) -> None:
    async with through_a_gateway(tls, ca_file) as outputs:
        long = await Smoke(outputs=outputs, recorded=HELLO, min_certificate_days=1).run()
        report = await Smoke(outputs=outputs, recorded=HELLO, min_certificate_days=10**6).run()
    assert report.checks[2].name == long.checks[2].name == "its certificate is valid long enough"
    assert statuses(long) == ["ok"] * 11
    assert statuses(report) == ["ok", "ok", "failed", *["ok"] * 8]
    assert report.checks[2].detail.endswith(" more days; 1000000 are wanted")
    assert not report.ok


@pytest.mark.parametrize(("slo", "status"), [("warn", "warning"), ("fail", "failed")])
async def test_words_that_come_too_late_warn_or_fail_as_it_is_asked_for(
    tls: dict[str, ssl.SSLContext],
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    slo: Slo,
    status: str,
) -> None:
    """What is measured is said by the test: how fast a machine of tests is proves nothing."""
    monkeypatch.setattr(checks, "measured", lambda _: LATE)
    async with through_a_gateway(tls, ca_file) as outputs:
        # Spoken in real time: half a second says as much as eight.
        smoke = Smoke(outputs=outputs, recorded=loud(ca_file.with_name("loud.wav"), 0.5), slo=slo)
        done = await checks._time("words come in time", smoke._in_time)
    assert (done.status, done.detail) == (
        status,
        TOO_LATE,
    )
    assert smoke.latency == LATE


def loud(path: Path, seconds: float) -> Recording:
    """Return a recording of that length."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\x00\x40\x00\xc0" * round(8_000 * seconds))
    return Recording(path=path, reference=None)


TOO_LATE = (
    "first words 301 ms after speech begins (objective 300 ms), finals at a time not known after "
    "their last word (objective 800 ms); one session"
)
LATE = Latency(first_interim_s=0.301, final_s=None, within=False)
