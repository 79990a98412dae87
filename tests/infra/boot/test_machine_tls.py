"""A whole machine under a real systemd, whose recogniser speaks mutual TLS.

Real here: systemd with the units and their sandboxes, the scripts, curl, the gateway out of its
bundle, and the emulator behind gRPC's own TLS, with the files that the scripts put there. Not
proved: Docker, and what NVIDIA's recognisers take their files by (docs/unverified.md).
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.authority import first_recogniser_identity
from infra.boot.settings import LAUNCH_HOOK
from tests.infra.boot.standins.machine import Machine, remove
from tests.infra.boot.test_machine import UNTIL, bundle, small, with_gpu
from tests.support.boot_settings import BUNDLE, arn

__all__ = ["bundle"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.tool,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("machine"),
]

QUESTION = "/nvidia.riva.asr.RivaSpeechRecognition/GetRivaSpeechRecognitionConfig"
EMULATOR = (
    "/opt/perch/gateway/bin/python -m app.emulator --engine none --grpc-port 50051 --http-port 0"
)


def machine(folder: Path, bundle: Path, recogniser: str) -> Machine:
    """A machine that is told mtls, with this in the place of the recogniser's container."""
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    made = Machine(
        folder,
        small(
            gateway_artifact_sha256=digest,
            gateway_secret_files={},
            recogniser_tls="mtls",
            recogniser_tls_secret_arn=arn("perch/dev/recogniser-tls"),
        ),
    )
    made.answer("recogniser-tls", out=first_recogniser_identity("dev"))
    with_gpu(made)
    wait = "until [ -e /opt/perch/gateway/bin/python ]; do sleep 0.1; done"
    start = ("/bin/sh", "-c", f"{wait}; exec {recogniser}")
    made.answer("docker run", "perch-asr", becomes=start)
    shutil.copyfile(bundle, made.s3_object(BUNDLE))
    return made


@pytest.fixture(scope="module")
def served(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that entered service, and was asked in three ways by somebody on it."""
    own = "/run/perch/asr"
    tls = f"--tls-certificate {own}/cert.pem --tls-key {own}/key.pem --tls-client-ca {own}/ca.pem"
    made = machine(tmp_path_factory.mktemp("machine"), bundle, f"{EMULATOR} {tls}")
    made.boot(
        UNTIL
        + f"""
until_true logged "in service"
stat -c '%a %u %n' /run/perch/asr /run/perch/asr/* >/opt/machine/files
stat -c '%a %U %n' /run/perch/files/* >>/opt/machine/files
ca=/run/perch/secrets/asr-ca.pem client=/run/perch/files/asr-client.pem
ask() {{
  curl -s -m 5 -o "/opt/machine/$1" "${{@:3}}" -H 'Content-Type: application/grpc' \
    -H 'TE: trailers' \
    --data-binary @<(printf '\\0\\0\\0\\0\\0') "$2:50051{QUESTION}" || true
}}
ask mutual https://127.0.0.1 --http2 --cacert $ca --cert $client --key $client
ask nobody https://127.0.0.1 --http2 --cacert $ca
ask clear http://127.0.0.1 --http2-prior-knowledge
ps -eo args >/opt/machine/processes
"""
    )
    yield made
    remove(made)


def test_enters_service_by_a_gateway_that_speaks_mutual_tls_with_its_recogniser(
    served: Machine,
) -> None:
    assert served.told()[0] == f"{LAUNCH_HOOK} CONTINUE"


def test_the_recogniser_answers_its_gateways_certificate_and_neither_none_nor_clear_text(
    served: Machine,
) -> None:
    answers = {
        name: len(served.read(f"/opt/machine/{name}")) for name in ("mutual", "nobody", "clear")
    }
    assert answers["mutual"] > 5
    assert (answers["nobody"], answers["clear"]) == (0, 0)


def test_keys_are_files_of_their_readers_alone_and_in_no_command_line(served: Machine) -> None:
    lines = served.read("/opt/machine/files").splitlines()
    owners = {name: f"{mode} {owner}" for mode, owner, name in (line.split() for line in lines)}
    assert owners["/run/perch/asr"] == "700 1000"
    assert owners["/run/perch/asr/key.pem"] == "600 1000"
    assert owners["/run/perch/files/asr-client.pem"] == "600 perch"
    assert "PRIVATE" not in served.read("/opt/machine/processes")


def test_a_recogniser_that_takes_no_notice_of_what_it_was_told_ends_the_boot(
    bundle: Path, tmp_path: Path
) -> None:
    made = machine(tmp_path, bundle, EMULATOR)
    made.boot(UNTIL + "until_true called ABANDON")
    assert made.told() == [f"{LAUNCH_HOOK} ABANDON"]
    (call,) = made.calls("MetricName=BootFailures")
    assert "Value=recogniser_in_clear" in call.line
    remove(made)
