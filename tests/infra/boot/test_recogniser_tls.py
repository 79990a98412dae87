"""TLS between a gateway and the recogniser on its machine: real bash, curl, awk and gRPC.

The recogniser is gRPC's own server, which Riva is built on, with the files that the scripts put
there. With the emulator, a gateway and systemd it is in test_machine.py. Not proved: which of these
variables a Speech NIM takes, and that Riva's flags are called so (docs/unverified.md).
"""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise

import grpc
import pytest

from app.asr import RivaSettings
from infra.authority import (
    Identity,
    first_recogniser_identity,
    gateway_identity,
    new_authority,
    parse,
    recogniser_identity,
    recogniser_names,
)
from infra.boot import MachineSettings
from infra.boot.environment import container_file
from infra.boot.gateway import ASR_CONTAINER, gateway_environment, recogniser_environment
from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins import host as standins
from tests.infra.boot.standins.host import Host, one_clear_line
from tests.support.boot_settings import RIVA, image_gateway, with_tls
from tests.support.tools import need

NOW = datetime.now(UTC)
OWN = "/run/perch/asr"
CONFIG = b"\x0a\x05\x0a\x03abc"
"""An answer to GetRivaSpeechRecognitionConfig that names one model."""


def classic(mode: str) -> MachineSettings:
    return with_tls(mode, kind="riva", image=RIVA)


def tls_host(make_host: MakeHost, of: MachineSettings, *, recogniser: str | None = None) -> Host:
    """A machine whose Secrets Manager has what its program put there first."""
    need("awk", "mawk")
    host = make_host(of)
    host.answer("recogniser-tls", out=recogniser or first_recogniser_identity("dev"))
    host.answer("gateway-tls", out=standins.gateway_identity())
    host.answer("riva-ca", out=new_authority("elsewhere", now=NOW).certificates_pem)
    host.answer("get-secret-value", out="a-word\n")
    return host


def held(host: Host) -> dict[str, str]:
    """Name -> text of what is placed for TLS."""
    folders = (host.run_folder / "asr", host.run_folder / "files")
    found = [path for folder in folders for path in folder.iterdir()]
    return {f"{path.parent.name}/{path.name}": path.read_text() for path in found}


def certificates(text: str) -> list[bytes]:
    """The certificates of a PEM text, which has a key before them or none."""
    blocks = text.split("-----BEGIN CERTIFICATE-----")[1:]
    return [ssl.PEM_cert_to_DER_cert(f"-----BEGIN CERTIFICATE-----{block}") for block in blocks]


@pytest.mark.parametrize("of", [with_tls("mtls"), classic("tls")], ids=["nim", "riva"])
def test_each_half_lies_where_its_reader_alone_finds_it(
    make_host: MakeHost, of: MachineSettings
) -> None:
    own = parse(first_recogniser_identity("dev"))
    host = tls_host(make_host, of, recogniser=own.pem)
    done = host.run("fetch-secrets")
    assert done.returncode == 0, done.stderr
    files, gateway = held(host), parse(host.gateway_tls.read_text())
    assert files["asr/key.pem"].strip() == own.key_pem.strip()
    assert certificates(files["asr/cert.pem"]) == certificates(own.certificates_pem)[:1]
    assert "PRIVATE" not in files["asr/cert.pem"] + files["asr/ca.pem"] + files["files/asr-ca.pem"]
    assert certificates(files["asr/ca.pem"]) == certificates(gateway.certificates_pem)[1:]
    elsewhere = certificates(files["files/riva-ca.pem"])
    assert certificates(files["files/asr-ca.pem"]) == [
        *certificates(own.certificates_pem)[1:],
        *elsewhere,
    ]
    for path in host.run_folder.rglob("*.pem"):
        assert path.stat().st_mode & 0o077 == 0, path
    for name in ("key.pem", "cert.pem", "ca.pem"):
        assert host.calls("chown 1000:1000", f"asr/{name}")
    for name in ("asr-ca.pem", "asr-client.pem"):
        assert host.calls("chown perch:perch", f"files/{name}")
    assert not list(host.run_folder.rglob("*.new"))
    told = done.stdout + done.stderr + "".join(call.line for call in host.calls())
    assert own.key_pem.splitlines()[1] not in told


def test_a_machine_that_is_asked_in_clear_has_none_of_it(host: Host) -> None:
    host.answer("get-secret-value", out="a-word\n")
    assert host.run("fetch-secrets").returncode == 0
    assert not (host.library / "place-asr-tls").exists()
    assert not [name for name in held(host) if "asr" in name]


@pytest.mark.parametrize("mode", ["tls", "mtls"])
def test_a_nim_has_one_port_and_is_told_its_files_by_every_name(
    make_host: MakeHost, mode: str
) -> None:
    host = tls_host(make_host, with_tls(mode))
    host.run("fetch-secrets")
    assert host.run("start-asr").returncode == 0
    (call,) = host.calls("docker run")
    pairs = list(pairwise(call.arguments))
    assert [value for flag, value in pairs if flag == "--publish"] == ["127.0.0.1:50051:50051"]
    assert ("--volume", f"{host.run_folder}/asr:{OWN}:ro") in pairs
    assert recogniser_environment(host.settings) == {
        "NIM_SSL_MODE": mode.upper(),
        "NIM_SSL_KEY_PATH": f"{OWN}/key.pem",
        "NIM_SSL_CERT_PATH": f"{OWN}/cert.pem",
        "NIM_SSL_CERTS_PATH": f"{OWN}/cert.pem",
        "NIM_SSL_CA_CERTS_PATH": f"{OWN}/ca.pem",
    }
    assert "PRIVATE" not in container_file(recogniser_environment(host.settings))


@pytest.mark.parametrize(("mode", "more"), [("tls", ()), ("mtls", ("--ssl_use_mutual_auth=true",))])
def test_a_classic_riva_has_one_port_and_is_told_its_files_by_flags(
    make_host: MakeHost, mode: str, more: tuple[str, ...]
) -> None:
    host = tls_host(make_host, classic(mode))
    host.run("fetch-secrets")
    assert host.run("start-asr").returncode == 0
    (call,) = host.calls("docker run")
    published = [value for flag, value in pairwise(call.arguments) if flag == "--publish"]
    assert published == ["127.0.0.1:50051:50051"]
    assert call.arguments[call.arguments.index(RIVA) + 6 :] == (
        "--use_ssl=true",
        *(f"--ssl_server_{name}={OWN}/{name}.pem" for name in ("cert", "key")),
        f"--ssl_root_cert={OWN}/ca.pem",
        *more,
    )
    assert "NIM_SSL_MODE" not in recogniser_environment(host.settings)


def test_what_is_renewed_is_taken_when_the_recogniser_starts_and_not_before(
    make_host: MakeHost,
) -> None:
    """It reads its files once. What gateways elsewhere are believed by changes at once, though."""
    host = make_host(with_tls("mtls"))
    old = new_authority("dev", now=NOW)
    new = new_authority("dev", now=NOW, before=old.certificates)
    ca = [new_authority("elsewhere", now=NOW).certificates_pem for _ in range(2)]
    for times, authority, other in ((1, old, ca[0]), (None, new, ca[1])):
        own = recogniser_identity(authority, "dev", now=NOW)
        gateway = gateway_identity(authority, "dev", now=NOW)
        host.answer("recogniser-tls", out=own.pem, times=times)
        host.answer("gateway-tls", out=gateway.pem, times=times)
        host.answer("riva-ca", out=other, times=times)
    host.answer("get-secret-value", out="a-word\n")
    host.run("fetch-secrets")
    before = held(host)
    assert host.run("fetch-secrets").returncode == 0
    after = held(host)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"files/gateway-tls.pem", "files/riva-ca.pem", "files/asr-ca.pem"}
    assert certificates(after["files/asr-ca.pem"])[1:] == certificates(ca[1])
    host.run("start-asr")
    taken = held(host)
    assert taken["files/asr-client.pem"] == taken["files/gateway-tls.pem"]
    assert certificates(taken["asr/ca.pem"]) == certificates(new.certificates_pem)


def served_by(host: Host) -> grpc.ServerCredentials:
    """What a recogniser with a machine's files serves by: it wants a client's certificate."""
    own = host.run_folder / "asr"
    key, certificate, ca = ((own / f"{name}.pem").read_bytes() for name in ("key", "cert", "ca"))
    return grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)


@contextmanager
def recogniser(credentials: grpc.ServerCredentials | None) -> Iterator[str]:
    """Port of a recogniser that names a model to whom it lets in."""
    server = grpc.server(ThreadPoolExecutor(2))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
        lambda _, __: CONFIG
    )
    service = "nvidia.riva.asr.RivaSpeechRecognition"
    methods = {"GetRivaSpeechRecognitionConfig": handler}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, methods)])
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield str(port)
    finally:
        server.stop(None).wait()


@pytest.fixture
def secured(make_host: MakeHost) -> Host:
    """A machine with its files in place, whose gateway is switched off and so never ready."""
    host = tls_host(make_host, with_tls("mtls"))
    host.run("fetch-secrets")
    (host.run_folder / "recognition" / "word").write_text("off\n")
    host.metadata.switched_off = True
    return host


def wait_ready(host: Host, port: str, seconds: str = "1") -> int:
    done = host.run("wait-ready", PERCH_READY_SECONDS=seconds, PERCH_GRPC_PORT=port)
    return done.returncode


def test_a_switched_off_machine_is_in_service_by_a_recogniser_that_answers_by_mutual_tls(
    secured: Host,
) -> None:
    with recogniser(served_by(secured)) as port:
        assert wait_ready(secured, port, "30") == 0


def test_a_recogniser_that_shows_another_certificate_is_not_taken_for_the_own(
    secured: Host,
) -> None:
    credentials = served_by(secured)
    other = parse(first_recogniser_identity("dev"))
    ca = Identity(key=other.key, certificates=other.certificates[1:])
    (secured.run_folder / "secrets" / "asr-ca.pem").write_text(ca.certificates_pem)
    with recogniser(credentials) as port:
        assert wait_ready(secured, port) == 1
    assert secured.reason() == "not_ready"


def test_a_recogniser_that_was_told_to_speak_tls_and_answers_in_clear_ends_the_boot_at_once(
    secured: Host,
) -> None:
    with recogniser(None) as port:
        done = secured.run("wait-ready", PERCH_READY_SECONDS="3600", PERCH_GRPC_PORT=port)
    assert done.returncode == 1
    assert "reason=recogniser_in_clear:" in one_clear_line(done.stderr)


@pytest.mark.parametrize("mode", ["tls", "mtls"])
def test_the_gateways_own_settings_take_what_the_machine_tells_it(
    make_host: MakeHost, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = tls_host(make_host, with_tls(mode))
    host.run("fetch-secrets")
    for name, value in gateway_environment(host.settings).items():
        if name.startswith("RIVA_"):
            monkeypatch.setenv(name, value.replace("/run/perch", str(host.run_folder)))
    read = RivaSettings(_env_file=None)
    assert (read.ssl, read.ready_url) == (True, None)
    assert (read.ssl_client_cert is not None) == (mode == "mtls")


def test_the_recognisers_certificate_has_every_name_that_a_gateway_asks_by() -> None:
    hosts = {gateway_environment(of)["RIVA_HOST"] for of in (with_tls("tls"), image_gateway())}
    assert hosts == {"127.0.0.1", ASR_CONTAINER}
    assert hosts <= set(recogniser_names("dev"))
