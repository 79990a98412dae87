"""docs/ci.md and the workflows say the same, and nothing that does not exist.

Commands of perch are parsed by click, those of AWS are held against botocore's models, those of
Pulumi and GitHub against the few options listed here. None of them is run: there is no account
here, and no repository on GitHub.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, Final

import botocore.session
import click
import pytest
import yaml
from botocore import xform_name

from ops.cli import SUBCOMMANDS, load
from tests.ci.building import ENVIRONMENTS, recording
from tests.support.stacks import ROOT, stack

pytestmark = pytest.mark.xdist_group("infra-program")

PAGE: Final = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOWS: Final = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}

PULUMI: Final[Mapping[str, frozenset[str]]] = {
    # https://www.pulumi.com/docs/iac/cli/commands/
    "login": frozenset({"--local"}),
    "stack init": frozenset({"--secrets-provider"}),
    "stack output": frozenset(),
    "stack export": frozenset({"--show-secrets", "--file"}),
    "stack import": frozenset({"--file"}),
    "state unprotect": frozenset({"--all"}),
    "config set": frozenset({"--stack"}),
    "preview": frozenset({"--expect-no-changes"}),
    "up": frozenset(),
    "destroy": frozenset(),
}
GH: Final[Mapping[str, frozenset[str]]] = {
    # https://cli.github.com/manual/
    "api": frozenset({"--jq", "--method"}),
    "variable set": frozenset({"--body", "--env"}),
}


def scripts() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def commands(script: str) -> Iterator[list[str]]:
    """Every simple command of a script, those in `$(...)` included."""
    for inner in re.findall(r"\$\(([^()]*)\)", script):
        yield from commands(inner)
    for line in re.sub(r"\$\([^()]*\)", "SUBSTITUTED", script).splitlines():
        words = shlex.split(line)
        if words and not re.fullmatch(r"\w+=.*", words[0]):
            yield words


COMMANDS: Final = [words for script in scripts() for words in commands(script)]


def by(program: str) -> list[list[str]]:
    return [words[1:] for words in COMMANDS if words[0] == program]


def test_every_program_is_checked_by_a_test_below() -> None:
    of_the_shell = {"export", "rm"}
    assert {words[0] for words in COMMANDS} == {"aws", "gh", "make", "pulumi"} | of_the_shell


def test_every_script_is_valid_shell() -> None:
    for script in scripts():
        done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
        assert done.returncode == 0, script


def test_pulumi_and_gh_have_these_commands_and_options() -> None:
    for program, known in (("pulumi", PULUMI), ("gh", GH)):
        for words in by(program):
            given = words[2:] if words[:2] == ["-C", "ci"] else words
            [command] = [one for one in known if given[: len(one.split())] == one.split()]
            options = {word for word in given if word.startswith("-")}
            assert options <= known[command], words


def test_aws_has_these_operations() -> None:
    for name, operation, *rest in by("aws"):
        model: Any = botocore.session.get_session().get_service_model(name)
        assert operation in {xform_name(known, "-") for known in model.operation_names}
        assert rest == []


def test_make_has_these_targets() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {words[0] for words in by("make")} <= set(targets)


def test_perch_understands_what_the_page_writes() -> None:
    spans = [one for one in re.findall(r"`(perch [^`]+)`", PAGE) if not one.startswith("perch-")]
    assert spans
    for span in spans:
        _, name, *rest = shlex.split(span)
        load(name, SUBCOMMANDS[name]).make_context(name, rest)
    with pytest.raises(click.NoSuchOption):
        load("images", SUBCOMMANDS["images"]).make_context("images", ["--tag", "x"])


def test_every_output_that_the_page_reads_is_exported() -> None:
    read = {words[words.index("output") + 1] for words in by("pulumi") if "output" in words}
    outputs = recording().outputs
    assert read <= set(outputs)
    # What is set for one environment is there for each.
    for name in read:
        if name.endswith("_dev"):
            assert {name.removesuffix("dev") + one for one in ENVIRONMENTS} <= set(outputs)
    assert set(outputs) <= read | {
        name.removesuffix("dev") + one for name in read for one in ENVIRONMENTS
    }


def rows() -> Iterator[list[str]]:
    """The cells of the table of variables."""
    section = PAGE.partition("## What the variables are")[2].partition("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            yield cells


def used(name: str) -> set[str]:
    """What a workflow reads of `vars`."""
    return set(re.findall(r"\bvars\.(\w+)", WORKFLOWS[name]))


def test_every_variable_of_a_workflow_is_in_the_table_and_the_other_way_round() -> None:
    table = {cells[0].strip("`"): set(re.findall(r"`(\w+\.yml)`", cells[3])) for cells in rows()}
    read: dict[str, set[str]] = {}
    for workflow in WORKFLOWS:
        for variable in used(workflow):
            read.setdefault(variable, set()).add(workflow)
    assert table == read


def test_no_workflow_reads_a_secret() -> None:
    assert not any("secrets." in text for text in WORKFLOWS.values())


def test_every_variable_is_set_by_a_command_to_the_output_that_the_table_names() -> None:
    table = {cells[0].strip("`"): re.findall(r"`(\w+)`", cells[2])[0] for cells in rows()}
    assert set(table.values()) <= set(recording().outputs)
    commands_in_page = re.findall(
        r'^gh variable set (\w+)( --env dev)? --body "\$\(pulumi -C ci stack output (\w+)\)"$',
        PAGE,
        re.MULTILINE,
    )
    assert {variable: output for variable, _, output in commands_in_page} == table
    where = {cells[0].strip("`"): cells[1] for cells in rows()}
    assert {variable: bool(env) for variable, env, _ in commands_in_page} == {
        variable: place == "each environment" for variable, place in where.items()
    }


def test_who_takes_a_role_is_what_its_trust_says() -> None:
    """The claims of a job: of its environment, else of what began the workflow."""
    for name, claim, variable in (
        ("preview.yml", "pull_request", "AWS_PREVIEW_ROLE_ARN"),
        ("drift.yml", "schedule", "AWS_DRIFT_ROLE_ARN"),
        ("up.yml", "push", "AWS_DEPLOY_ROLE_ARN"),
    ):
        content = yaml.safe_load(WORKFLOWS[name])
        assert claim in content[True], "YAML reads `on` as true"
        for job in content["jobs"].values():
            if f"vars.{variable}" in str(job):
                assert job["permissions"]["id-token"] == "write"
                assert ("environment" in job) == (name == "up.yml")
    assert yaml.safe_load(WORKFLOWS["up.yml"])["jobs"]["up"]["environment"] == "${{ matrix.stack }}"


def test_pulumi_finds_the_projects_environment_wherever_a_workflow_calls_it() -> None:
    for name, text in WORKFLOWS.items():
        for job in yaml.safe_load(text)["jobs"].values():
            steps = [one.get("uses", one.get("run", "")) for one in job["steps"]]
            calls = [place for place, one in enumerate(steps) if one.startswith("pulumi/actions")]
            if calls:
                assert steps.index("make setup") < min(calls), name
    for project, folder in (("Pulumi.yaml", ".venv"), ("ci/Pulumi.yaml", "../.venv")):
        options = yaml.safe_load((ROOT / project).read_text("utf-8"))["runtime"]["options"]
        assert options["virtualenv"] == folder


def test_the_image_is_there_before_the_machines() -> None:
    steps = yaml.safe_load(WORKFLOWS["up.yml"])["jobs"]["up"]["steps"]
    kinds = [
        one["with"]["command"] + (" target" if "target" in one["with"] else "")
        if one.get("uses", "").startswith("pulumi/actions")
        else "image"
        if "docker push" in one.get("run", "")
        else ""
        for one in steps
    ]
    assert [one for one in kinds if one] == ["preview", "up target", "image", "up"]
    judged = [one for one in steps if "policyPacks" in one.get("with", {})]
    assert len(judged) == 2
    image = next(one["run"] for one in steps if "docker push" in one.get("run", ""))
    assert "--platform linux/amd64" in image
    assert (ROOT / "app" / "Dockerfile").is_file()


def test_an_image_is_signed_and_its_signature_checked_before_it_is_accepted() -> None:
    """That Sigstore signs and gh refuses what is not signed is not proved here."""
    steps = yaml.safe_load(WORKFLOWS["up.yml"])["jobs"]["up"]["steps"]
    [pushed] = [one for one in steps if "docker push" in one.get("run", "")]
    signed = [one for one in steps if one.get("uses", "").startswith("actions/attest@")]
    [accepted] = [
        one
        for one in steps
        if "perch images --stack" in one.get("run", "") and "--accept" in one["run"]
    ]
    order = [steps.index(one) for one in (pushed, *signed, accepted)]
    assert order == sorted(order)
    # What is signed is what was pushed, by its digest: provenance, and the list of its parts.
    assert [one["with"].get("sbom-path") for one in signed] == [None, "dist/perch-gateway.cdx.json"]
    assert "make sbom" in pushed["run"]
    for one in signed:
        assert one["with"]["subject-name"] == "${{ steps.image.outputs.name }}"
        assert one["with"]["subject-digest"] == "${{ steps.image.outputs.digest }}"
        assert one["if"] == pushed["if"] == accepted["if"]
    checked, taken = accepted["run"].index("gh attestation verify"), accepted["run"].index("perch")
    assert checked < taken
    assert accepted["env"]["IMAGE"] == (
        "${{ steps.image.outputs.name }}@${{ steps.image.outputs.digest }}"
    )
    for bound in ("--repo", "--signer-workflow", "--source-digest"):
        assert bound in accepted["run"]


def test_what_is_made_first_is_the_repository_and_all_that_it_stands_on() -> None:
    """As Pulumi reads `--target`: `**` is any text."""

    steps = yaml.safe_load(WORKFLOWS["up.yml"])["jobs"]["up"]["steps"]
    [targets] = [one["with"]["target"].split() for one in steps if "target" in one.get("with", {})]
    patterns = [re.compile(re.escape(one).replace(r"\*\*", ".*")) for one in targets]
    found = stack("prod")

    def is_made(urn: str) -> bool:
        return any(one.fullmatch(urn) for one in patterns)

    made = [one for one in found.resources.values() if is_made(one.urn)]
    assert any(one.type == "aws:ecr/repository:Repository" for one in made)
    for one in made:
        needs = {*one.dependencies, one.parent, one.provider.rpartition("::")[0]} - {""}
        needs = {
            urn
            for urn in needs
            if urn in found.resources and "pulumi:pulumi:Stack" not in urn.split("::")[2]
        }
        assert {urn for urn in needs if not is_made(urn)} == set(), one.urn
    # Nothing that starts a machine, and nothing that carries traffic.
    kinds = {one.type for one in made}
    assert not kinds & {"aws:autoscaling/group:Group", "aws:lb/listener:Listener"}
    assert len(made) < 30


def test_every_file_and_link_of_the_page_is_there() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert target.startswith("https://") or (ROOT / "docs" / target).is_file(), target
    for workflow in set(re.findall(r"`(\w+\.yml)`", PAGE)):
        assert workflow in WORKFLOWS
    for path in re.findall(r"`(ci/[\w.]+)`", PAGE):
        assert (ROOT / path).exists()
    roles = {one.inputs["name"] for one in recording().of_type("aws:iam/role:Role")}
    assert set(re.findall(r"`(perch-ci-[\w-]+)`", PAGE)) <= roles
