"""What a real sshd of a test is told, and a host key for it."""

import subprocess
from pathlib import Path

from tests.support.tools import need

SSHD_CONFIG = """
HostKey {folder}/host-key
AuthorizedKeysFile {folder}/authorized-keys
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PrintMotd no
PrintLastLog no
LogLevel ERROR
SetEnv PATH={path} SHLVL=1
"""
"""SHLVL: at the first level bash reads the start-up file of who runs the test, which may wait."""


def new_key(path: Path) -> str:
    """Make a host key at a path and return its public half without the comment."""
    need("ssh-keygen", "openssh-client")
    options = ["-q", "-t", "ed25519", "-N", "", "-C", "root@machine", "-f", str(path)]
    subprocess.run(["ssh-keygen", *options], check=True)
    return " ".join(path.with_name(f"{path.name}.pub").read_text().split()[:2])
