"""Runs the tests as other people's machines would: `make environments`.

Each environment is a fresh clone of the last commit, set up by `make setup`. An interpreter that
this machine lacks and a user that only root may become are reported as missing, never passed over.
What differs in how a recogniser computes is tried with the suites in which one speaks: no other
sees it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
USERS_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
"""Debian's default for whoever is not root."""
NOBODY: Final = 65_534
OPTIONAL: Final = (
    *("actionlint", "awk", "chromium", "chroot", "cloud-init", "curl", "ffmpeg", "findmnt", "ip"),
    "mount",
    *("node", "npm", "prometheus", "shellcheck", "ssh-keygen", "sshd", "systemd-analyze"),
    "unshare",
)
"""Programs without which tests skip."""
HEARING: Final = (
    *("tests/acceptance", "tests/app/emulator", "tests/app/asr/session", "tests/app/client"),
    "tests/clients",
    *("tests/app/gateway/audio", "tests/app/gateway/session", "tests/app/recordings"),
    *("tests/ops/local", "tests/ops/transcribe"),
)
"""Suites in which a recogniser speaks."""
KEPT: Final = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA_BUNDLE", "HTTP", "HTTPS_", "NO_PROXY", "no_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One kind of machine.

    Attributes:
        python: Name or path of the interpreter.
        as_user: Whether an ordinary user runs it, with that user's PATH.
        without: Programs that are hidden.
        variables: Added to the environment.
        tests: What is run; all of them where it is empty.
    """

    python: str = "python3"
    as_user: bool = False
    without: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[str, ...] = ()


def environments() -> dict[str, Environment]:
    """List every environment by its name."""
    found = {
        "root": Environment(),
        "user": Environment(as_user=True),
        "no optional program": Environment(without=OPTIONAL),
        "python3.12": Environment(python="python3.12"),
        "python3.13": Environment(python="python3.13"),
    }
    for name in OPTIONAL:
        found[f"no {name}"] = Environment(without=(name,), tests=tuple(asking_for(name)))
    for kernel in ("Haswell", "Zen", "SkylakeX", ""):
        for isa in ("GENERIC", "AVX2", ""):
            chosen = {"OPENBLAS_CORETYPE": kernel, "CT2_FORCE_CPU_ISA": isa}
            variables = {key: value for key, value in chosen.items() if value}
            found[f"kernel {kernel or '-'} {isa or '-'}"] = Environment(
                variables=variables, tests=HEARING
            )
    return found


def asking_for(program: str) -> Iterator[str]:
    """List the test files, or their folders, that ask for a program by name."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if f'need("{program}"' in path.read_text(encoding="utf-8"):
            asks = path if path.name.startswith("test_") else path.parent
            # Stand-ins lie below the tests that use them.
            asks = asks.parent if asks.name == "standins" else asks
            yield asks.relative_to(ROOT).as_posix()


def path_without(programs: Iterable[str], path: str, folder: Path) -> str:
    """Make a folder that has every program of a search path but these; return it."""
    folder.mkdir(parents=True)
    hidden = set(programs)
    for place in path.split(":"):
        for program in sorted(Path(place).iterdir()) if Path(place).is_dir() else ():
            link = folder / program.name
            if program.name not in hidden and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def account_with_a_shell(folder: Path) -> Path:
    """Make a list of accounts in which the user has a shell and a home, as people have; return it.

    Debian's `nobody` has no shell, and sshd takes the account for locked.
    """
    path = folder / "passwd"
    account = f"somebody:x:{NOBODY}:{NOBODY}:somebody:{folder / 'home'}:/bin/sh"
    others = [
        line
        for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
        if line.split(":")[2] != str(NOBODY)
    ]
    path.write_text("\n".join([*others, account, ""]), encoding="utf-8")
    path.chmod(0o644)
    return path


def lacking(environment: Environment) -> str | None:
    """Say what this machine lacks for an environment; None where it has everything."""
    programs = all(map(shutil.which, ("setpriv", "unshare", "mount")))
    if environment.as_user and (os.geteuid() != 0 or not programs):
        return "only root may become another user, with setpriv, unshare and mount of util-linux"
    if _interpreter(environment.python) is None:
        return f"no {environment.python} on PATH"
    return None


def _interpreter(name: str) -> str | None:
    """Return a path at which an interpreter works; shims of version managers may not."""
    pyenv = Path.home() / ".pyenv" / "versions"
    version = name.removeprefix("python")
    for path in (shutil.which(name), *sorted(pyenv.glob(f"{version}.*/bin/python3"))):
        if path is None:
            continue
        if subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0:
            return str(path)
    return None


def command(
    environment: Environment, folder: Path, *words: str
) -> tuple[list[str], dict[str, str]]:
    """Return a command line and its whole environment.

    Args:
        environment: Where it shall run.
        folder: Above the clone; a home is made in it.
        words: The command.
    """
    path = USERS_PATH if environment.as_user else os.environ.get("PATH", USERS_PATH)
    if environment.without:
        place = folder / "programs"
        path = str(place) if place.exists() else path_without(environment.without, path, place)
    kept = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    home = str(folder / "home") if environment.as_user else str(Path.home())
    variables = {"HOME": home, "LANG": "C.UTF-8", "PATH": path, "TERM": "dumb", **kept}
    prefix = _as_user(folder) if environment.as_user else ()
    return [*prefix, *words], {**variables, **environment.variables}


def _as_user(folder: Path) -> tuple[str, ...]:
    """Return what runs the words after it as the user, whose account it alone sees."""
    unshare, setpriv = (shutil.which(name) or name for name in ("unshare", "setpriv"))
    become = f"{setpriv} --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    script = f'{shutil.which("mount")} --bind "$0" /etc/passwd && exec {become} "$@"'
    return (unshare, "--mount", "--", "sh", "-c", script, str(account_with_a_shell(folder)))


def run(environment: Environment, options: Sequence[str]) -> tuple[int, str, float]:
    """Clone, set up and test; return the exit status, pytest's last lines and the seconds."""
    with tempfile.TemporaryDirectory(prefix="perch-environment-") as name:
        folder = Path(name)
        clone = folder / "perch"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        (folder / "home").mkdir()
        shared = ROOT.parent / "shared"
        if shared.is_dir():
            (folder / "shared").symlink_to(shared)
        if environment.as_user:
            folder.chmod(0o755)
            for path in (folder / "home", clone, *clone.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        python = "/usr/bin/python3" if environment.as_user else _interpreter(environment.python)
        lines, variables = command(environment, folder, "make", "setup", f"PYTHON={python}")
        subprocess.run(lines, cwd=clone, env=variables, check=True, capture_output=True)
        arguments = " ".join((*options, *environment.tests))
        lines, variables = command(environment, folder, "make", "test", f"ARGS={arguments}")
        begun = time.monotonic()
        done = subprocess.run(
            lines, cwd=clone, env=variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, time.monotonic() - begun


def summary(said: str) -> list[str]:
    """Take from pytest's output what failed, what was skipped for want of what, and the count."""
    wanted = r"^(FAILED|ERROR) |skipped for want of|\b(passed|failed|error)\b.* in [\d.]+s"
    return [line.strip("= ") for line in said.splitlines() if re.search(wanted, line)]


def main(arguments: Sequence[str]) -> int:
    """Run the environments; 1 where tests fail in one that this machine has."""
    every = environments()
    parser = argparse.ArgumentParser(prog="python -m tests.environments", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of: {'; '.join(every)}; all without any")
    parser.add_argument(
        "--tests",
        nargs="+",
        default=[],
        metavar="PATH",
        help="run these alone, which the report says: those that the environment can affect",
    )
    parser.add_argument("--pytest", default="", help="options for pytest, such as '-x -k words'")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in every]
    if unknown:
        parser.error(f"no environments: {', '.join(unknown)}")
    failed = False
    for name in options.names or every:
        lacks = lacking(every[name])
        if lacks is not None:
            sys.stdout.write(f"{name:<28}missing: {lacks}\n")
            continue
        chosen = replace(every[name], tests=tuple(options.tests) or every[name].tests)
        status, said, seconds = run(chosen, options.pytest.split())
        failed |= status != 0
        verdict = "passed" if status == 0 else f"FAILED ({status})"
        lines = [
            f"{name:<28}{verdict:<12}{seconds:6.0f} s",
            *([f"    not all tests: {' '.join(chosen.tests)}"] if chosen.tests else []),
            *(f"    {line}" for line in summary(said)),
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
