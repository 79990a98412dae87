"""The gateway's image, as far as it goes without Docker.

Its instructions are read from app/Dockerfile and executed in a plain folder: the build stage with
this machine's Python and uv, then the entry point, then the HEALTHCHECK command against it. Not
proved here: that the base image has that digest and starts (docs/unverified.md), and that layers
build as BuildKit builds them.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.uv import assert_locked_for_the_gateway, installed, run_with_uv

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "app" / "Dockerfile"
LIMIT_SECONDS = 90


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continuation lines joined."""

    name: str
    value: str


def instructions() -> list[Instruction]:
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    parts = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [Instruction(name, " ".join(value.split())) for name, _, value in parts]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first; what stands before them is left out."""
    found: list[list[Instruction]] = []
    for instruction in instructions():
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def value(name: str) -> str:
    """The value of an instruction of the last stage that stands there once."""
    (found,) = [each.value for each in stages()[-1] if each.name == name]
    return found


def variables(stage: list[Instruction]) -> dict[str, str]:
    pairs = (shlex.split(each.value) for each in stage if each.name == "ENV")
    return dict(pair.split("=", 1) for words in pairs for pair in words)


def health_command() -> list[str]:
    _, _, command = value("HEALTHCHECK").partition(" CMD ")
    words: list[str] = json.loads(command)
    return words


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_starts_from_an_image_pinned_by_digest() -> None:
    base = instructions()[0].value
    assert re.fullmatch(r"PYTHON=python:3\.\d+-slim@sha256:[0-9a-f]{64}", base)
    for stage in stages():
        assert stage[0].value.partition(" ")[0] == "${PYTHON}"


@pytest.mark.parametrize(
    ("machine", "wanted", "accepted"),
    [
        ("x86_64", "x86_64", True),
        ("aarch64", "x86_64", False),
        ("arm64", "x86_64", False),
        ("aarch64", "aarch64", True),
    ],
)
def test_is_not_built_for_another_kind_of_machine_unasked(
    machine: str, wanted: str, accepted: bool, tmp_path: Path
) -> None:
    """That a builder says x86_64 under --platform linux/amd64 is not proved here."""
    (tmp_path / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (tmp_path / "uname").chmod(0o755)
    (default,) = [each.value for each in stages()[0] if each.name == "ARG"]
    assert default == "MACHINE=x86_64"
    done = subprocess.run(
        ["sh", "-ec", machine_check().value],
        env={"PATH": f"{tmp_path}:{os.defpath}", "MACHINE": wanted},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is accepted
    assert ("docker build --platform linux/amd64" in done.stderr) is not accepted


def machine_check() -> Instruction:
    """The build stage's first command."""
    return next(each for each in stages()[0] if each.name == "RUN")


def test_runs_as_somebody_who_is_not_root() -> None:
    user, _, group = value("USER").partition(":")
    assert int(user) > 0
    assert int(group) > 0


def test_is_stopped_by_the_signal_that_drains_the_gateway() -> None:
    assert value("STOPSIGNAL") == "SIGTERM"
    # As a list: a shell in between would keep the signal to itself.
    assert json.loads(value("ENTRYPOINT")) == ["python", "-m", "app.gateway"]


def test_asks_itself_and_never_the_recogniser_for_health() -> None:
    command = " ".join(health_command())
    assert "/healthz" in command
    assert not re.search(r"riva|readyz|50051|9000", command, re.IGNORECASE)


def test_listens_where_a_container_can_be_reached_and_lets_nobody_in_by_itself() -> None:
    set_ = dict(pair.partition("=")[::2] for pair in value("ENV").split())
    assert set_["APP_HOST"] == "0.0.0.0"  # noqa: S104 - read, not listened on
    assert not any(name.startswith("APP_A") for name in set_)


def test_takes_nothing_into_its_last_stage_but_the_environment() -> None:
    copies = [each.value for each in stages()[-1] if each.name in {"COPY", "ADD"}]
    assert copies == ["--from=build /opt/perch /opt/perch"]


def test_holds_no_secret_and_no_model() -> None:
    text = DOCKERFILE.read_text()
    assert not re.search(r"(TOKEN|SECRET|PASSWORD|API_KEY)\s*=", text)
    assert "emulator" not in text
    # Light, and loaded by nobody who does not turn traces on.
    assert set(re.findall(r"--extra[ =](\S+)", text)) == {"traces"}
    assert "--all-extras" not in text


def test_lets_the_builder_see_only_what_it_copies() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(rule for rule in rules if not rule.startswith("#")) == "*"
    let_through = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source for each in stages()[0] if each.name == "COPY" for source in each.value.split()[:-1]
    }
    assert let_through == copied


def test_uses_the_uv_of_the_makefile() -> None:
    (pinned,) = re.findall(r"uv==([\d.]+)", DOCKERFILE.read_text())
    assert f"UV_VERSION := {pinned}\n" in (ROOT / "Makefile").read_text()


@dataclass(frozen=True)
class Image:
    """The image's file system as a folder."""

    folder: Path

    def here(self, text: str) -> str:
        """The text with the image's own folders moved under this one."""
        return re.sub(r"(?<![\w.])/(src|srv|opt/perch)\b", rf"{self.folder}/\1", text)

    def environment(self, **more: str) -> dict[str, str]:
        """What a container of the last stage has in its environment."""
        own = {name: self.here(text) for name, text in variables(stages()[-1]).items()}
        path = own.pop("PATH").replace("$PATH", os.environ["PATH"])
        return {**own, "PATH": path, "HOME": str(self.folder), **more}


def build(image: Image) -> None:
    """Execute the build stage: every instruction but the machine's check and uv's installation."""
    environment: dict[str, str] = {}
    workdir = image.folder
    for each in stages()[0]:
        if each.name == "ENV":
            environment |= {name: image.here(text) for name, text in variables([each]).items()}
        elif each.name == "WORKDIR":
            workdir = Path(image.here(each.value))
            workdir.mkdir(parents=True)
        elif each.name == "COPY":
            *sources, target = each.value.split()
            for source in sources:
                copy(
                    ROOT / source, workdir / target / source if target == "./" else workdir / target
                )
        elif each.name == "RUN" and each.value.startswith("uv "):
            command = f"{image.here(each.value)} --quiet --python {shlex.quote(sys.executable)}"
            run_with_uv(["sh", "-ec", command], cwd=workdir, environment=environment)


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, built."""
    made = Image(tmp_path_factory.mktemp("image"))
    build(made)
    shutil.rmtree(made.folder / "src")  # the last stage takes /opt/perch alone
    (made.folder / "srv").mkdir()
    return made


def python_of(image: Image) -> Path:
    """The interpreter of the image's environment."""
    return image.folder / "opt" / "perch" / "bin" / "python"


@pytest.mark.tool
@pytest.mark.timeout(LIMIT_SECONDS * 2)
@pytest.mark.xdist_group("gateway-image")
@pytest.mark.slow
class TestBuilt:
    def test_holds_exactly_what_the_lock_file_pins_for_the_gateway(self, image: Image) -> None:
        assert_locked_for_the_gateway(python_of(image))

    def test_brings_no_model_no_pulumi_and_no_test_server(self, image: Image) -> None:
        names = installed(python_of(image)).keys()
        assert not names & {
            "pulumi",
            "boto3",
            "moto",
            "faster-whisper",
            "onnxruntime",
        }
        weights = {".onnx", ".nemo", ".rmir", ".plan", ".safetensors", ".gguf", ".pt", ".bin"}
        assert not [path for path in image.folder.rglob("*") if path.suffix in weights]

    def test_answers_its_own_health_check_and_drains_on_its_stop_signal(self, image: Image) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        # Nothing listens where the recogniser would be: the gateway is healthy all the same.
        environment = image.environment(
            APP_HOST="127.0.0.1",
            APP_PORT=port,
            RIVA_HOST="127.0.0.1",
            RIVA_PORT="1",
            RIVA_HTTP_PORT="1",
        )
        python = str(python_of(image))
        health = [python, *health_command()[1:]]
        assert (
            subprocess.run(health, env=environment, capture_output=True, check=False).returncode
            != 0
        )
        process = subprocess.Popen(
            [python, *json.loads(value("ENTRYPOINT"))[1:]],
            cwd=image.here(value("WORKDIR")),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert any(healthy(health, environment) for _ in range(60))
        finally:
            process.send_signal(getattr(signal, value("STOPSIGNAL")))
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
        assert list((image.folder / "srv").iterdir()) == []


def healthy(command: list[str], environment: dict[str, str]) -> bool:
    """One try of the health check; its own time and the connection attempt space the tries."""
    return (
        subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    )
