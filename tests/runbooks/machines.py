"""Machines of a stack for the runbooks: a real sshd a colour, whose units act on the local stack.

`aws ssm start-session` becomes `sshd -i`, as in tests/ops/host. What a machine would do is done by
stand-ins on its PATH: a unit that is restarted restarts the process of `perch up` that stands for
it. Not proved: AWS's tunnels, systemd, Docker and nvidia-smi (docs/unverified.md).
"""

import http.server
import json
import os
import shlex
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.runbooks.pages import ROOT
from tests.support.sshd import SSHD_CONFIG, new_key
from tests.support.tools import need

UNITS: Final = tuple(
    sorted({path.stem.partition("+")[0] for path in (ROOT / "infra/boot/units").glob("*.service")})
)
HEALTHY_GPU: Final = "0, NVIDIA L4, 580.105.08, 41, 12, 9216, 23034, 31.02, 0"
_SYSTEMCTL: Final = """
for word; do
  case $word in
    -*) ;;
    *) if [ -z "${verb:-}" ]; then verb=$word; else units="${units:-} ${word%.service}"; fi ;;
  esac
done
echo "$verb${units:-}" >>FOLDER/asked
if [ "$verb" = list-units ]; then
  for state in FOLDER/states/*; do echo "${state##*/}.service loaded $(cat "$state")"; done
  exit
fi
for unit in $units; do
  [ -e "FOLDER/states/$unit" ] || { echo "Unit $unit.service could not be found." >&2; exit 4; }
  case $verb in
    restart | start)
      if [ -x "FOLDER/units/$unit" ]; then "FOLDER/units/$unit" || exit; fi
      echo active running >"FOLDER/states/$unit" ;;
    status)
      echo "$unit.service: $(cat "FOLDER/states/$unit")"
      case $(cat "FOLDER/states/$unit") in active*) ;; *) exit 3 ;; esac ;;
    *) echo "no stand-in for systemctl $verb" >&2; exit 2 ;;
  esac
done
"""
_TAIL: Final = """
for word; do
  shift
  case $word in /var/log/perch/*) word=FOLDER/log/${word##*/} ;; esac
  set -- "$@" "$word"
done
exec /usr/bin/tail "$@"
"""
_DOCKER: Final = 'echo "docker $*" >>FOLDER/asked; cat FOLDER/pruned >FOLDER/disk; echo Total'


@dataclass(frozen=True)
class Machine:
    """One colour's machine.

    Attributes:
        folder: Its keys, its programs and their answers.
        host_key: What its sshd proves itself with.
    """

    folder: Path
    host_key: str

    def program(self, name: str, script: str) -> None:
        """Put a program on its PATH."""
        path = self.folder / "bin" / name
        path.write_text("#!/bin/sh\n" + script.replace("FOLDER", str(self.folder)) + "\n")
        path.chmod(0o755)

    def unit(self, name: str, script: str) -> None:
        """Say what a start of a unit does."""
        path = self.folder / "units" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def say(self, name: str, text: str) -> None:
        """Write what a stand-in answers, or a unit's state: `states/perch-asr`, `gpu`, `disk`."""
        (self.folder / name).write_text(f"{text}\n")

    def asked(self) -> list[str]:
        """What systemctl and docker were asked for."""
        return (self.folder / "asked").read_text().splitlines()

    def renew(self) -> None:
        """Be a new machine, on which nothing is wrong."""
        for unit in (*UNITS, "amazon-cloudwatch-agent"):
            self.say(f"states/{unit}", "active running")
        self.say("gpu", HEALTHY_GPU)
        self.say("xid", "")
        self.say("disk", "/dev/root 193G 61G 133G 32% /")
        self.say("pruned", "/dev/root 193G 41G 153G 22% /")
        for name in ("host", "asr", "gateway"):
            self.say(f"log/{name}.log", f"the {name} log of {self.folder.name}")
        self.program("nvidia-smi", "cat FOLDER/gpu")
        (self.folder / "asked").write_text("")
        for script in (self.folder / "units").iterdir():
            script.unlink()


def made(folder: Path) -> Machine:
    """Make a machine in a folder of its own."""
    for name in ("bin", "units", "states", "log"):
        (folder / name).mkdir(parents=True)
    key = new_key(folder / "host-key")
    search = f"{folder / 'bin'}:{os.defpath}"
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(folder=folder, path=search))
    machine = Machine(folder=folder, host_key=key)
    machine.program("sudo", 'if [ "$1" = -n ]; then shift; fi; exec "$@"')
    machine.program("systemctl", _SYSTEMCTL)
    machine.program("tail", _TAIL)
    machine.program("docker", _DOCKER)
    machine.program("df", "cat FOLDER/disk")
    machine.program("du", "echo 43G /var/lib/docker")
    machine.program("journalctl", "cat FOLDER/xid")
    machine.renew()
    return machine


def programs(folder: Path, machines: Path) -> None:
    """Put `aws` and the Session Manager plugin into a folder.

    Args:
        folder: Where; first on the PATH of who pastes.
        machines: Folder with a link to each machine's folder, named by EC2 id.
    """
    sshd = need("sshd", "openssh-server")
    if os.geteuid() == 0:
        # Debian's sshd gives up its rights there; its own unit makes the folder.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    (folder / "aws").write_text(
        "#!/bin/sh\n"
        'if [ "$1 $2" = "ssm start-session" ]; then\n'
        '  while [ "$1" != --target ]; do shift; done\n'
        f'  exec {sshd} -i -e -f {shlex.quote(str(machines))}/"$2"/sshd_config\n'
        "fi\n"
        f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m"
        ' tests.runbooks.aws_cli "$@"\n'
    )
    (folder / "session-manager-plugin").write_text("#!/bin/sh\n")
    for name in ("aws", "session-manager-plugin"):
        (folder / name).chmod(0o755)


class InstanceConnect(http.server.ThreadingHTTPServer):
    """EC2 Instance Connect: puts a key where the sshd of the machine looks for it.

    moto's own takes the key and does nothing with it.

    Args:
        machines: Folder with a link to each machine's folder, named by EC2 id.
    """

    def __init__(self, machines: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.machines = machines
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, InstanceConnect)
        folder = self.server.machines / asked["InstanceId"]
        (folder / "authorized-keys").write_text(f"{asked['SSHPublicKey']}\n")
        body = json.dumps({"RequestId": "made-up", "Success": True}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
        pass
