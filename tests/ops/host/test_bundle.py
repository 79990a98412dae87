"""A diagnosis in one file, and that no secret is in it."""

import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.secret_shapes import MASK
from ops.host import words
from ops.host.masking import masked
from tests.ops.host.conftest import Stack

PLANTED = {
    "nvidia": "nvapi-Zm9vYmFyYmF6cXV4",  # pragma: allowlist secret
    "aws id": "AKIAIOSFODNN7EXAMPLE",  # pragma: allowlist secret
    "aws secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # pragma: allowlist secret
    "bearer": "c2VjcmV0LWJlYXJlci10b2tlbg",  # pragma: allowlist secret
    "query": "abcdef0123456789abcdef",  # pragma: allowlist secret
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",  # pragma: allowlist secret
    "password": "hunter2hunter2",  # pragma: allowlist secret
    "pem": "MC4CAQAwBQYDK2VwBCIEIHRoaXNpc25vdGFrZXk",  # pragma: allowlist secret
    "resume": "a3f1c09be77d4e10",  # pragma: allowlist secret
}
KIND = "PRIVATE"
SAID = f"""
perch-asr[1]: NGC_API_KEY={PLANTED["nvidia"]}
aws: using {PLANTED["aws id"]}
{{"SecretAccessKey" : "{PLANTED["aws secret"]}", "Code": "Success"}}
Authorization: Bearer {PLANTED["bearer"]}
GET /ws?token={PLANTED["query"]}&x=1
cookie {PLANTED["jwt"]}
https://someone:{PLANTED["password"]}@example.org/
-----BEGIN {KIND} KEY-----
{PLANTED["pem"]}
-----END PRIVATE KEY-----
APP_RESUME_SECRET = "{PLANTED["resume"]}"
"""


def test_what_is_a_secret_is_masked_and_what_is_none_stays() -> None:
    text = masked(SAID)
    assert [name for name, secret in PLANTED.items() if secret in text] == []
    assert text.count(MASK) >= len(PLANTED)
    for kept in ("perch-asr[1]: NGC_API_KEY=", '"Code": "Success"', "&x=1", "@example.org/"):
        assert kept in text


@pytest.mark.parametrize(
    "harmless",
    [
        # pragma: allowlist nextline secret
        'PERCH_NGC_SECRET="arn:aws:secretsmanager:us-east-2:123456789012:secret:x-AbCdEf"',
        "APP_AUTH_TOKENS_FILE=/run/perch/files/auth-tokens",  # pragma: allowlist secret
        "perch_token_refused_total 17",
        "NVRM: Xid (PCI:0000:00:1e): 79, GPU has fallen off the bus.",
        "APP_TOKEN_REQUIRED=true",
        "tokens: null",
    ],
)
def test_a_line_that_only_sounds_like_one_is_read_as_it_is(harmless: str) -> None:
    assert masked(harmless) == harmless


@given(st.text(max_size=300))
def test_any_text_can_be_masked_and_masking_it_again_changes_nothing(text: str) -> None:
    assert masked(masked(text)) == masked(text)


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = {}
        for entry in archive:
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name] = file.read().decode()
        return found


@pytest.fixture
def diagnosed(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """A bundle of a machine whose programs print secrets, and one of which fails."""
    (tmp_path / "said").write_text(SAID)
    for program in ("journalctl", "docker", "systemctl", "tail"):
        stack.sshd.on_the_machine(program, f"cat {tmp_path / 'said'}")
    stack.sshd.on_the_machine("nvidia-smi", "echo 'No devices were found' >&2; exit 6")
    done = stack.host("bundle", "--output", str(tmp_path / "bundle.tar.gz"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "bundle.tar.gz").stat().st_mode & 0o777 == 0o600
    return contents(tmp_path / "bundle.tar.gz")


def test_a_bundle_has_every_part_and_none_of_the_secrets(diagnosed: dict[str, str]) -> None:
    assert diagnosed.keys() == {
        "manifest.json",
        *(f"{question.name}.txt" for question in words.DIAGNOSIS),
    }
    everything = "".join(diagnosed.values())
    assert [name for name, secret in PLANTED.items() if secret in everything] == []
    manifest = json.loads(diagnosed["manifest.json"])
    statuses = {part["file"]: part["status"] for part in manifest["files"]}
    # A question that fails is an answer, too.
    assert statuses["gpu.txt"] == 6
    assert "No devices were found" in diagnosed["gpu.txt"]
    assert "perch-asr[1]" in diagnosed["journal.txt"]


def test_a_file_that_is_there_is_not_written_over(stack: Stack, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("mine")
    done = stack.host("bundle", "--output", str(there))
    assert done.exit_code == 1
    assert "cannot be written: File exists" in done.stderr
    assert there.read_text() == "mine"


def test_what_is_longer_than_a_part_may_be_is_cut_and_says_so(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.host.command.bundles.PART_BYTES", 1_000)
    stack.sshd.on_the_machine("journalctl", "head -c 300000 /dev/zero | tr '\\0' x")
    path = tmp_path / "bundle.tar.gz"
    assert stack.host("bundle", "--output", str(path)).exit_code == 0
    found = contents(path)
    assert len(found["journal.txt"]) == 1_000
    [journal] = [
        part
        for part in json.loads(found["manifest.json"])["files"]
        if part["file"] == "journal.txt"
    ]
    assert journal["cut"] is True
