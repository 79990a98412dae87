"""`make check` finds a secret in a stack's file, and leaves alone what Pulumi encrypted there.

The values are made up in the shapes that Pulumi and KMS give them; that they always have these
shapes is not proven here (docs/unverified.md).
"""

import hashlib
import re
import subprocess
from base64 import b64encode
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
    assert hook["args"] == ["--exclude-lines", excluded()]
