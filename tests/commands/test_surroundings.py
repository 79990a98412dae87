"""Each command of perch where people's machines are odd: a sentence or the work done, no traceback.

Commands run in forks of one process that has imported them (`tests.support.forking`), so the odd
ways in which Python itself starts, such as a locale of 1970, are tried in processes of their own
at the end, with few commands. What stands behind a command that needs a running stack is shown
under a hostile environment by `tests/ops/local/test_up.py`.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from ops.cli import SUBCOMMANDS
from ops.offline.simulator.credentials import issue
from ops.smoke.recording import DEFAULT
from tests.commands.starting import NOBODY_LISTENS, PRELOAD, PROGRAM, URL, environment, held
from tests.support.forking import Forks, Order
from tests.support.outputs import OUTPUTS

State = Path
Words = Callable[[State], tuple[str, ...]]


def at(*words: str) -> Words:
    """Return a command that knows where its stack's state is kept."""
    return lambda state: (*words, "--state-dir", str(state))


def just(*words: str) -> Words:
    return lambda _state: words


COMMANDS: Final[Mapping[str, Words]] = {
    "help": just("--help"),
    "outputs": at("outputs", "--json"),
    "outputs of a stack in AWS": just("outputs", "--stack", "prod"),
    "status": at("status"),
    "smoke": at("smoke"),
    "transcribe": just("transcribe", str(DEFAULT), "--url", URL),
    "transcribe a pipe": just("transcribe", "-", "--url", URL),
    "doctor": at("doctor"),
    "logs": at("logs"),
    "start": at("start", "--colour", "green"),
    "stop": at("stop", "--colour", "green"),
    "scale": at("scale", "--colour", "green", "--machines", "1"),
    "canary": at("canary"),
    "rollback": at("rollback"),
    "recognition": at("recognition"),
    "ami": at("ami"),
    "ami of a stack in AWS": just("ami", "--stack", "prod", "--colour", "green"),
    "rotate": at("rotate"),
    "cache": at("cache", "list"),
    "allow": just("allow", "list", "--stack", "mars"),
    "host": at("host", "list"),
    "images": just("images", "--stack", "mars"),
    "preview": just("preview", "--base", "v0"),
    "qa": just("qa", "--corpus", str(DEFAULT.parent / "none"), "--url", URL),
    "batch": just("batch", "nowhere", "out", "--url", URL),
    "certs": at("certs", "show"),
    "secrets": just("secrets", "--help"),
    "token": at("token", "list"),
    "dashboards": at("dashboards"),
    "report": just("report", "before.json", "now.json"),
    "load": at(
        *("load", "--sessions", "1", "--duration", "1", "--ramp", "1s", "--processes", "1"),
    ),
    "up": at("up", "--ports-from", "60000", "--port", str(NOBODY_LISTENS), "--stack", "mars"),
    "down": at("down"),
    "gateway": just("gateway", "--host", "256.256.256.256"),
    "emulator": just("emulator", "--host", "256.256.256.256", "--engine", "none"),
}

PARTS: Final = 8
"""All commands in all surroundings are 810 processes. `make test` starts an eighth of them."""

LONG: Final[Mapping[str, Words]] = {
    "images, with the program of a stack": just("images", "--stack", "dev"),
}
"""Commands that run a Pulumi program, which takes seconds."""


def test_every_command_is_among_them() -> None:
    assert {words(Path())[0] for words in COMMANDS.values()} >= set(SUBCOMMANDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is odd about the machine, the shell or the folder.

    Attributes:
        variables: Added to the environment; None takes one away.
        files: Text or bytes by name in the working folder; None for a folder of that name.
        order: What else differs from an ordinary start.
    """

    variables: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)


def proxies(address: str) -> dict[str, str | None]:
    names = ("ALL_PROXY", "FTP_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "SOCKS_PROXY", "WSS_PROXY")
    return {spelt: address for name in names for spelt in (name, name.lower())}


AWS: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_RETRY_MODE",
    "AWS_DEFAULTS_MODE",
    "AWS_MAX_ATTEMPTS",
    "AWS_CA_BUNDLE",
)
SURROUNDINGS: Final[Mapping[str, Surroundings]] = {
    "nothing odd": Surroundings(),
    "no home": Surroundings(variables={"HOME": None}),
    "a home that cannot be written to": Surroundings(variables={"HOME": "/proc"}),
    "an empty environment": Surroundings(
        variables=dict.fromkeys(("HOME", "PATH", "LANG", "TERM", "USER", "TMPDIR"))
    ),
    "no temporary folder": Surroundings(variables={"TMPDIR": "/proc/none"}),
    "a user without rights or name": Surroundings(
        variables={"HOME": None}, order={"as_nobody": True}
    ),
    "SOCKS proxies": Surroundings(variables=proxies("socks5h://127.0.0.1:9")),
    "HTTP proxies": Surroundings(variables=proxies("http://127.0.0.1:9")),
    "proxies that are no address": Surroundings(variables=proxies("what://[is")),
    "a list of exempt hosts that is none": Surroundings(
        variables={"NO_PROXY": "[::1,*,//", "no_proxy": "[::1,*,//"}
    ),
    "an AWS profile that is not there": Surroundings(variables={"AWS_PROFILE": "x"}),
    "junk in every AWS variable": Surroundings(variables=dict.fromkeys(AWS, "/dev")),
    "a terminal of one column": Surroundings(variables={"COLUMNS": "1", "LINES": "1"}),
    "a dumb terminal": Surroundings(variables={"TERM": "dumb", "COLUMNS": "0"}),
    "a width that is no number": Surroundings(variables={"COLUMNS": "wide", "TERM": ""}),
    "a .env in Latin-1": Surroundings(files={".env": "APP_RIVA_LABEL=Käfig\n".encode("latin-1")}),
    "a .env with a NUL": Surroundings(files={".env": b"APP_PORT=\x001\n"}),
    "a .env that is a folder": Surroundings(files={".env": None}),
    "a .env that nobody can parse": Surroundings(files={".env": b"'\n=\n\\\nexport\n" * 9}),
    "a working folder that was deleted": Surroundings(order={"folder": "gone"}),
    "a working folder without access": Surroundings(
        order={"folder": "shut", "as_nobody": True}, variables={"HOME": None}
    ),
    "modules of the person's own": Surroundings(
        files={"click.py": b"raise SystemExit('theirs')", "app.py": b"1/0", "ops.py": b"1/0"}
    ),
    "standard input closed": Surroundings(order={"stdin": None}),
    "standard output closed": Surroundings(order={"stdout": "closed"}),
    "standard output that nobody reads": Surroundings(order={"stdout": "gone"}),
    "standard output on a full disk": Surroundings(order={"stdout": "full"}),
    "a terminal that knows ASCII alone": Surroundings(order={"encoding": "ascii"}),
}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks(PRELOAD) as forks:
        yield forks


@pytest.fixture(scope="module")
def program_forks() -> Iterator[Forks]:
    with Forks((*PRELOAD, *PROGRAM)) as forks:
        yield forks


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a stack of which nothing answers any more."""
    folder = tmp_path / "stäte"
    folder.mkdir(mode=0o755)
    url = f"localhost:{NOBODY_LISTENS}"
    outputs = OUTPUTS | {"endpoint_url": f"https://{url}", "websocket_url": f"wss://{url}"}
    (folder / "outputs.json").write_text(json.dumps(outputs))
    issue(folder / "aws-credentials")
    supervisor = {"name": "perch up", "pid": 2**22 + 1, "started": 1.0}
    access = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{NOBODY_LISTENS}",
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
    }
    known = {"stack": "local", "supervisor": supervisor, "aws": access}
    (folder / "state.json").write_text(json.dumps(known))
    return folder


def order_of(odd: Surroundings, words: tuple[str, ...], tmp_path: Path) -> Order:
    folder = tmp_path / str(odd.order.get("folder", "here"))
    folder.mkdir()
    for name, content in odd.files.items():
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)
    ordinary = Order(
        module="ops.cli",
        arguments=words,
        environment=environment(tmp_path, odd.variables),
        folder=str(folder),
    )
    return replace(ordinary, **{**odd.order, "folder": str(folder)})


def hold_each(
    commands: Mapping[str, Words], odd: Surroundings, forks: Forks, tmp_path: Path, state: Path
) -> None:
    tmp_path.chmod(0o755)
    for number, words in enumerate(commands.values()):
        place = tmp_path / str(number)
        place.mkdir()
        done = forks.run(order_of(odd, words(state), place))
        held(done, is_read=odd.order.get("stdout", "kept") == "kept")


def part(name: str) -> dict[str, Words]:
    """An eighth of the commands, another one for the next surroundings: each has three or four."""
    number = list(SURROUNDINGS).index(name)
    eighth = list(COMMANDS)[number % PARTS :: PARTS]
    return {command: COMMANDS[command] for command in eighth}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_no_command_ends_in_a_traceback(
    forks: Forks, tmp_path: Path, state: Path, name: str
) -> None:
    hold_each(part(name), SURROUNDINGS[name], forks, tmp_path, state)


@pytest.mark.surroundings
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_nor_does_any_other_command_in_the_same_surroundings(
    forks: Forks, tmp_path: Path, state: Path, name: str
) -> None:
    others = {command: words for command, words in COMMANDS.items() if command not in part(name)}
    hold_each(others, SURROUNDINGS[name], forks, tmp_path, state)


@pytest.mark.surroundings
@pytest.mark.parametrize("odd", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_nor_does_one_that_runs_the_program_of_a_stack(
    program_forks: Forks, tmp_path: Path, state: Path, odd: Surroundings
) -> None:
    hold_each(LONG, odd, program_forks, tmp_path, state)


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("an AWS profile that is not there", "The config profile (x) could not be found"),
        ("junk in every AWS variable", "AWS cannot be asked for stack local with the settings of"),
        ("SOCKS proxies", "cannot be read: "),
        ("proxies that are no address", "cannot be read: "),
    ],
)
def test_a_stack_in_aws_is_asked_as_the_shell_says_and_what_is_wrong_there_is_named(
    forks: Forks, tmp_path: Path, state: Path, odd: str, said: str
) -> None:
    (state / "state.json").unlink()
    order = order_of(SURROUNDINGS[odd], at("recognition")(state), tmp_path)
    # Nowhere but here is anything asked, by whatever way.
    usual = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{NOBODY_LISTENS}",
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",  # pragma: allowlist secret
    }
    done = forks.run(replace(order, environment={**usual, **order.environment}))
    held(done)
    assert said in done.err


def test_a_stack_on_this_machine_is_asked_whatever_the_shell_says(
    forks: Forks, tmp_path: Path, state: Path
) -> None:
    odd = SURROUNDINGS["junk in every AWS variable"].variables
    changes = {**odd, **SURROUNDINGS["SOCKS proxies"].variables, "NO_PROXY": None}
    order = order_of(Surroundings(variables=changes), at("recognition")(state), tmp_path)
    done = forks.run(order)
    held(done)
    assert f'Could not connect to the endpoint URL: "http://127.0.0.1:{NOBODY_LISTENS}/' in done.err


LINES: Final[Mapping[str, tuple[str, str]]] = {
    "perch outputs --state-dir state | head -1": ("environment", ""),
    "perch outputs --state-dir state >&-": ("", ""),
    "perch outputs --state-dir state >/dev/full": ("", "perch: standard output: No space left"),
    r'perch transcribe "$(printf "caf\351.wav")" <&-': ("", r"there is no file caf\udce9.wav;"),
}
"""What a shell is given; the first line and the sentence that come of it."""


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(
    "odd",
    [
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"LC_ALL": "tlh_QO.KOI8-R", "PYTHONIOENCODING": "ascii"},
    ],
    ids=["a locale of 1970", "a locale that is not installed"],
)
@pytest.mark.slow
def test_a_whole_process_holds_it_too(
    tmp_path: Path, state: Path, line: str, odd: Mapping[str, str]
) -> None:
    state.rename(tmp_path / "state")
    done = subprocess.run(
        ["bash", "-c", f'perch() {{ "$PERCH_PYTHON" -P -m ops.cli "$@"; }}; {line}'],
        cwd=tmp_path,
        env=environment(tmp_path, {**odd, "PERCH_PYTHON": sys.executable}),
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=100,
        check=False,
    )
    out, said = LINES[line]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stdout.startswith(out)
    assert said in done.stderr
