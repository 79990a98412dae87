"""`make check` and a commit find a secret of each kind, and leave alone what Pulumi encrypted.

The values are made up in the shapes that Pulumi and KMS give them; that they always have these
shapes is not proven here (docs/unverified.md).
"""

import hashlib
import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
HOOK: Final = ROOT / ".venv" / "bin" / "detect-secrets-hook"


def noise(size: int, start: bytes = b"") -> str:
    """Return the same random-looking bytes every time, in base64."""
    return b64encode(start + hashlib.shake_256(start).digest(size)).decode()


# KMS encrypts Pulumi's data key of 32 bytes into some 180.
KMS: Final = noise(180, b"\x01\x02\x02\x00")
CIPHERTEXT: Final = f"v1:{noise(12)}:{noise(48)}"
ENCRYPTED: Final = {
    "AWS KMS": f"""\
secretsprovider: awskms://alias/my-pulumi-key?region=us-east-2
encryptedkey: {KMS}
config:
  perch:ngc_api_key:
    secure: {CIPHERTEXT}
""",
    "a key by its ARN": f"""\
secretsprovider: awskms:///arn:aws:kms:us-east-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab?awssdk=v2
encryptedkey: {KMS}
""",
    "a passphrase": f"""\
encryptionsalt: v1:{noise(8)}:{CIPHERTEXT}
config:
  perch:gateway_bearer_tokens:
    secure: {CIPHERTEXT}
""",
    "Pulumi Cloud": f"""\
config:
  perch:ngc_api_key:
    secure: {noise(90, bytes([0, 0, 1, 0]))}
""",
}
PLANTED: Final = {
    "a token as it is": f"config:\n  perch:gateway_bearer_tokens: {noise(36)}\n",
    "a token in the place of ciphertext": f"config:\n  perch:key:\n    secure: {noise(36)}\n",
    "a token in the place of the key": f"encryptedkey: {noise(36)}\n",
    "a token in the place of the salt": f"encryptionsalt: {noise(36)}\n",
    "a password as the provider": f"secretsprovider: {noise(12)}\n",
    "an access key": f"config:\n  perch:tags:\n    key: AKIA{'QRST' * 4}\n",
}


def excluded() -> str:
    """The Makefile's pattern of lines that are not looked at."""
    [found] = re.findall(r"^CIPHERTEXT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return str(found).replace("$$", "$")


def check(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    command = [str(HOOK), "--exclude-lines", excluded(), str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("text", ENCRYPTED.values(), ids=ENCRYPTED)
def test_a_stack_file_with_encrypted_values_is_accepted(text: str, tmp_path: Path) -> None:
    done = check(tmp_path, text)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_secret_is_found(planted: str, tmp_path: Path) -> None:
    done = check(tmp_path, planted)
    assert done.returncode == 1
    assert done.stdout.count("Secret Type:") == 1, done.stdout


def test_a_planted_secret_is_found_between_encrypted_values(tmp_path: Path) -> None:
    done = check(tmp_path, f"{ENCRYPTED['AWS KMS']}  perch:owner: {noise(36)}\n")
    assert done.returncode == 1
    assert done.stdout.count("Secret Type:") == 1, done.stdout


def test_a_commit_and_make_check_leave_the_same_lines_alone() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [hook] = [one for one in hooks["repos"][0]["hooks"] if one["id"] == "secrets"]
    plugin = ["--plugin", "tests/support/secret_kinds.py"]
    assert hook["args"] == [*plugin, "--exclude-lines", excluded()]
    assert f"detect-secrets-hook {' '.join(plugin)} " in (ROOT / "Makefile").read_text()


NOISE: Final = "Zx7Qw9Er5Ty3" + "Ui1Op8As6Df4Gh2Jk0Lz"
KINDS: Final = {
    "an API key of ours": ("notes.md", f"the key is perch_0123456789_{NOISE}{NOISE[:17]}"),
    "an NGC key": ("login.sh", f"docker login --password nvapi-{NOISE}{NOISE}"),
    "a JSON Web Token": (
        "answer.txt",
        f"eyJhbGciOiJIUzI1NiJ9.{'eyJzdWIiOiJ4In0'}.{NOISE}{NOISE[:11]}",
    ),
    "a resume token": ("log.txt", f"unreadable: eyJ2IjoyLCJhdCI6MTcwMC4wfQ.{NOISE}"),
    "a resume token, compressed": ("packed.txt", f"token .eJyrVkosLcnIL1KyUkos_{NOISE}.{NOISE}"),
    "a private key": ("key.pem", f"-----BEGIN EC PRIVATE {'KEY'}-----\n{NOISE}\n"),
    "an AWS access key": ("x.json", f'{{"id": "AKIA{"QRST" * 4}"}}'),
    "an AWS secret key": ("credentials", f"aws_secret_access_key = {NOISE}Ab+/Cd"),
    "a bearer header": ("call.sh", f"curl -H 'Authorization: Bearer {NOISE}' https://x"),
    "a subprotocol": ("socket.js", f"new WebSocket(url, ['perch', 'bearer.{NOISE}'])"),
    "a token in an address": ("page.md", f"wss://speech.example.org/ws?token={NOISE}"),
    "a password in an address": ("remote.md", f"https://user:{NOISE}@host.example/"),
    "a variable": (".env", f"APP_AUTH_TOKENS={NOISE}"),
    "a key in hexadecimal": ("keys.py", f"KEY = '{hashlib.sha256(b'x').hexdigest()}'"),
}
"""Of each kind of secret that Perch or who runs it has: a file's name, and what stands in it."""


def scratch(folder: Path, files: Mapping[str, str]) -> None:
    """A repository with the gates of this one, and files of its own."""
    for one in ("Makefile", "pyproject.toml", "uv.lock", ".pre-commit-config.yaml"):
        shutil.copy2(ROOT / one, folder / one)
    plugin = Path("tests/support/secret_kinds.py")
    (folder / plugin).parent.mkdir(parents=True)
    shutil.copy2(ROOT / plugin, folder / plugin)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--force", *files, str(plugin)]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)


GATES: Final = {
    # What is older than the folder's copies is no reason to install anything.
    "make": ["make", "--old-file=.venv/.perch-synced", "secrets"],
    "a commit": [str(ROOT / ".venv" / "bin" / "pre-commit"), "run", "secrets"],
}


def passes(gate: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a gate's own command in a repository."""
    environment = os.environ | {"PRE_COMMIT_HOME": str(folder / "kept")}
    return subprocess.run(
        GATES[gate], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.tool
@pytest.mark.parametrize("gate", GATES)
def test_a_secret_of_each_kind_that_is_planted_in_a_repository_is_found(
    gate: str, tmp_path: Path
) -> None:
    """With the commands themselves: the target's, and the hook's of a commit."""
    scratch(tmp_path, dict(KINDS.values()))
    done = passes(gate, tmp_path)
    found = set(re.findall(r"^Location: +(.+):\d+$", done.stdout, re.MULTILINE))
    assert done.returncode != 0
    assert found == {name for name, _ in KINDS.values()}, done.stdout + done.stderr
    assert len(found) == len(KINDS)


@pytest.mark.tool
@pytest.mark.parametrize("gate", GATES)
def test_a_repository_without_a_secret_is_let_through(gate: str, tmp_path: Path) -> None:
    scratch(tmp_path, {"page.md": "Show `Authorization: Bearer TOKEN`, or ?token=TOKEN."})
    done = passes(gate, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
