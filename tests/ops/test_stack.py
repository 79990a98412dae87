"""Reading stack outputs.

The Pulumi CLI is played by a script: what the real one answers is not proved here.
"""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra import outputs as exported
from infra.export import export
from ops import stack
from ops.console import paths
from ops.console.errors import CommandFailedError, ConfigurationError
from tests.support.outputs import COLOUR, OUTPUTS
from tests.support.tools import run_by


def test_what_is_read_is_exactly_what_the_program_exports() -> None:
    assert stack.StackOutputs is exported.StackOutputs


def test_an_output_that_is_missing_or_unknown_is_named_before_anything_is_exported() -> None:
    told = {**OUTPUTS, "moon": 1, "colours": {"blue": COLOUR}}
    del told["region"]
    with pytest.raises(
        ValueError, match=r"region is missing, colours\.green is missing.*, moon is no output$"
    ):
        export(**told)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: perch\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


@pytest.fixture
def pulumi_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that writes its arguments down, then says what `answer.py` makes it say."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "pulumi"
    script.write_text(
        f"{run_by(sys.executable)}import sys, json, os\n"
        f"json.dump([sys.argv[1:], os.getcwd()], open({str(tmp_path / 'called')!r}, 'w'))\n"
        f"exec(open({str(tmp_path / 'answer.py')!r}).read())\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return tmp_path / "answer.py"


def local(checkout: Path, document: object) -> None:
    folder = checkout / ".perch" / "local"
    folder.mkdir(parents=True)
    (folder / "outputs.json").write_text(json.dumps(document))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(stack.command, list(arguments))


def test_the_outputs_of_a_local_stack_are_read_from_anywhere_in_the_checkout(
    checkout: Path,
) -> None:
    local(checkout, OUTPUTS)
    read = stack.read("local")
    assert read.model_dump(mode="json") == OUTPUTS
    assert [name for name, _ in read.colours.items()] == ["blue", "green"]


def test_a_secret_is_found_by_the_name_that_an_older_program_gave_it(checkout: Path) -> None:
    arns = dict(OUTPUTS["secret_arns"])
    arns["gateway_signing_key"] = arns.pop("gateway_bearer_tokens")
    local(checkout, {**OUTPUTS, "secret_arns": arns})
    assert stack.read("local").secret_arns.gateway_bearer_tokens == "b"


def test_outputs_that_a_newer_program_adds_do_no_harm(checkout: Path) -> None:
    local(checkout, OUTPUTS | {"something_new": 1})
    assert stack.read("local").environment == "local"


def test_every_output_that_is_missing_or_wrong_is_named_at_once(checkout: Path) -> None:
    broken = OUTPUTS | {"listener_port": 70_000}
    del broken["region"]
    broken["colours"] = {"blue": COLOUR, "green": COLOUR | {"weight": "none"}}
    local(checkout, broken)
    with pytest.raises(CommandFailedError) as failed:
        stack.read("local")
    for part in ("region: ", "listener_port: ", "colours.green.weight: "):
        assert part in failed.value.message


def test_a_local_stack_that_is_not_up_is_said_so_with_what_starts_it(checkout: Path) -> None:
    with pytest.raises(CommandFailedError) as failed:
        stack.read("local")
    folder = checkout / ".perch" / "local"
    assert failed.value.message == (
        f"stack local is not up (nothing in {folder}); start it with `make up`"
    )


def test_any_other_stack_is_asked_of_the_pulumi_cli_in_the_project(
    checkout: Path, pulumi_cli: Path
) -> None:
    pulumi_cli.write_text(f"print({json.dumps(OUTPUTS)!r})")
    assert stack.read("prod").listener_port == 8443
    arguments, folder = json.loads((checkout / "called").read_text())
    assert arguments == ["stack", "output", "--json", "--non-interactive", "--stack", "prod"]
    assert folder == str(checkout)


def test_a_stack_the_cli_does_not_know_is_said_in_its_words(
    checkout: Path, pulumi_cli: Path
) -> None:
    del checkout
    pulumi_cli.write_text("sys.exit(\"warning: old\\nerror: no stack named 'prod' found\")")
    with pytest.raises(
        CommandFailedError, match=r"cannot read stack prod: error: no stack named 'prod' found$"
    ):
        stack.read("prod")


def test_a_cli_that_says_something_else_than_outputs_is_said_so(
    checkout: Path, pulumi_cli: Path
) -> None:
    del checkout
    pulumi_cli.write_text("print('Please log in')")
    with pytest.raises(CommandFailedError, match="from `pulumi stack output` do not fit"):
        stack.read("prod")


def test_a_cli_that_hangs_is_given_up(
    checkout: Path, pulumi_cli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del checkout
    monkeypatch.setattr(stack, "PULUMI_SECONDS", 0.2)
    pulumi_cli.write_text("import time; time.sleep(600)")
    with pytest.raises(CommandFailedError, match="gave no answer in 0 s"):
        stack.read("prod")


def test_without_the_cli_the_person_is_told_where_to_get_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    with pytest.raises(CommandFailedError, match=r"no `pulumi` on the PATH; install it \(https://"):
        stack.read("prod")


def test_outside_a_checkout_the_one_perch_runs_from_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (paths.project_root() / "Pulumi.yaml").is_file()
    monkeypatch.setattr(
        paths, "__file__", str(tmp_path / "site-packages" / "ops" / "console" / "paths.py")
    )
    with pytest.raises(ConfigurationError, match="run this inside a checkout"):
        paths.project_root()


def test_one_output_is_printed_bare_so_that_a_shell_can_use_it(checkout: Path) -> None:
    local(checkout, OUTPUTS)
    assert run("endpoint_url").output == "https://localhost:8443\n"
    assert run("colours.green.weight").output == "0\n"
    assert run("ca_certificate_path").output == "-\n"
    assert run("--json", "ca_certificate_path").output == "null\n"
    assert json.loads(run("--json").output) == OUTPUTS
    # An output may be empty.
    rows = {
        name: rest.strip()
        for name, _, rest in (line.partition(" ") for line in run().output.splitlines())
    }
    assert rows["colours.blue.gateway_port"] == "8081"


def test_an_output_that_is_not_there_is_answered_with_those_that_are(checkout: Path) -> None:
    local(checkout, OUTPUTS)
    refused = run("colours.red")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("perch: stack local has no output colours.red; it has: env")
