"""Runbooks: one an alert, with the same headings, and nothing in them that does not exist.

That their commands find and mend the fault is in test_executed.py.
"""

import re
import shlex
from itertools import groupby
from pathlib import Path

import botocore.session
import click
import pytest
from botocore import xform_name

from app.contract import CloseCode, ErrorCode
from app.gateway.settings.configuration import KNOWN_KEYS
from infra.boot.reasons import FAILURE_REASONS
from infra.observability.alarm_table import colour_alarms, entrance_alarms
from ops.cli import SUBCOMMANDS, load
from ops.stack import StackOutputs, flat
from tests.runbooks.pages import FOLDER, HEADINGS, KINDS, PAGES, ROOT, RUNBOOKS, SAID_ABOVE, blocks
from tests.support.outputs import OUTPUTS

OPERATORS = {"|", "||", ";", "&&"}
SHELL = {"AWS_REGION", "CLIENT", "COLOUR", "JTI", "KEY", "OWNER", "PERCH_STACK"}
"""Variables of runbooks/env.sh, and the id of the key that a page is about."""
OF_OTHERS = {
    # How an alarm is named.
    *("perch-", "perch-prod-green-disk-space", "export PERCH_STACK=prod COLOUR=green"),
    # How a release's lines begin, and a check's.
    *("promoted", "rolled_back", "refused", "paused", "problem", "release", "OK"),
    # Stacks, colours, and commands of make and Pulumi.
    *("blue", "green", "local", "dev", "staging", "prod", "make setup", "make up", "pulumi up"),
    # A field of the gateway's log.
    "client",
    # The gateway's page, and a folder of a machine.
    *("/readyz?ignore=capacity", "/var/lib/perch/store"),
    # Why EC2 starts no machine (its API reference).
    *("InsufficientInstanceCapacity", "VcpuLimitExceeded"),
    # NVIDIA's program, and its selectors (docs.nvidia.com/nim/speech).
    *(
        "nvidia-smi",
        "all",
        "ofl",
        "mode=str",
        "mode=str-thr",
        "type=default",
        "type=prompt",
        "vad=silero",
    ),
    # Keys of Riva's custom_configuration, and who owns a NIM's cache.
    *("neural_vad.onset", "neural_vad.pad_onset", "chown 1000:1000"),
}
LOGGED = "\n".join(path.read_text() for path in sorted((ROOT / "app").rglob("*.py")))
"""The programs that write logs: their events and fields stand there."""
ALERTS = {alarm.slug for alarm in (*colour_alarms(1, 2_700), *entrance_alarms(may_be_empty=False))}


def lines() -> list[str]:
    """Lines of all blocks, one that goes on with the next as one."""
    return [
        line
        for page in PAGES
        for block in blocks(page)
        for line in block.text.replace("\\\n", " ").splitlines()
    ]


def commands(program: str) -> list[list[str]]:
    """Every call of a program, those within `$(...)` too."""
    found = []
    for line in lines():
        inner = re.findall(r"\$\(([^)]*)\)", line)
        outer = re.sub(r"\"?(s3://)?\$\([^)]*\)[^\s\"]*\"?", "VALUE", line)
        for text in (outer, *inner):
            # What stands for it in a stack on this machine, or in the loop around it.
            plain = text.replace("$COLOUR", "blue").replace("$OTHER", "green")
            plain = plain.replace("$colour", "blue").replace("$MACHINES", "2")
            tokens = shlex.shlex(plain, posix=True, punctuation_chars=True)
            tokens.whitespace_split = True
            for is_end, part in groupby(tokens, lambda token: token in OPERATORS):
                words = [] if is_end else list(part)
                if words[:4] == ["xargs", "-r", "-n", "1"]:
                    words = [*words[4:], "VALUE"]
                if words and words[0] == program:
                    found.append(words[1:])
    return found


def test_every_alert_has_a_runbook_and_the_index_has_every_one() -> None:
    assert {page.stem for page in RUNBOOKS} >= ALERTS
    index = (FOLDER / "README.md").read_text()
    linked = re.findall(r"^\* \[.*\]\((.*)\.md\)$", index, flags=re.MULTILINE)
    assert sorted(linked) == sorted(page.stem for page in RUNBOOKS)
    alerts, _, procedures = index.partition("## Alerts")[2].partition("## Procedures")
    assert set(re.findall(r"\]\((.*)\.md\)", alerts)) == ALERTS
    assert ALERTS.isdisjoint(re.findall(r"\]\((.*)\.md\)", procedures))


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_has_its_headings_and_a_command_on_the_first_screen(page: Path) -> None:
    text = page.read_text()
    assert tuple(re.findall(r"^## (.*)$", text, flags=re.MULTILINE)) == HEADINGS
    assert "\nperch status" in "\n".join(text.splitlines()[:10])


@pytest.mark.parametrize("page", [FOLDER / "README.md", *RUNBOOKS], ids=lambda page: page.stem)
def test_a_page_sets_first_what_its_commands_use(page: Path) -> None:
    """The tests of its blocks have it set already: each is pasted into a shell of its own."""
    first, *others = blocks(page)
    assert first.text.startswith(". runbooks/env.sh\nperch status")
    later = re.compile(r"env\.sh|\b(PERCH_STACK|COLOUR)=\w")
    assert [block for block in others if later.search(block.text)] == []


def test_every_block_says_where_it_runs_and_no_id_is_typed_by_hand() -> None:
    for page in PAGES:
        text = page.read_text()
        assert {block.kind for block in blocks(page)} <= KINDS, page.name
        for kind, said in SAID_ABOVE.items():
            assert text.count(f"{said}\n\n```{kind}\n") == text.count(f"```{kind}\n"), page.name
            assert text.count(said) == text.count(f"```{kind}\n"), page.name
        assert not re.search(r"\b(i|eice|sg|vpc)-[0-9a-f]{8}|arn:aws", text), page.name


@pytest.mark.parametrize("words", commands("perch"), ids=" ".join)
def test_perch_has_these_commands_and_options(words: list[str]) -> None:
    command, rest = load(words[0], SUBCOMMANDS[words[0]]), words[1:]
    if isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, rest[0]
        command, rest = found, rest[1:]
    command.make_context(words[0], list(rest), resilient_parsing=True)
    options = {name for parameter in command.params for name in parameter.opts}
    own = rest[: rest.index("--")] if "--" in rest else rest
    assert {word for word in own if word.startswith("--")} <= options


def test_every_output_that_is_named_exists() -> None:
    outputs = StackOutputs.model_validate(OUTPUTS).model_dump(mode="json")
    known = {name for name, _ in flat(outputs)}
    assert {words[1] for words in commands("perch") if words[0] == "outputs"} <= known


@pytest.mark.parametrize("words", commands("aws"), ids=" ".join)
def test_aws_has_these_operations(words: list[str]) -> None:
    if words[:2] == ["s3", "ls"]:
        return
    model = botocore.session.get_session().get_service_model(words[0])
    names = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(names[words[1]]).input_shape
    assert shape is not None
    known = {f"--{xform_name(name, '-')}" for name in shape.members} | {"--query", "--output"}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_error_code_and_close_code_is_in_the_contracts_page() -> None:
    page = (ROOT / "docs" / "contract.md").read_text()
    assert [code for code in ErrorCode if f"`{code.value}`" not in page] == []
    assert [code for code in CloseCode if not re.search(rf"\b{code.value}\b", page)] == []


def written(page: Path) -> set[str]:
    """What a page has in backticks, outside of blocks."""
    text = re.sub(r"^```[\s\S]*?^```$", "", page.read_text(), flags=re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_key_metric_code_reason_unit_option_and_file_that_is_named_exists(
    page: Path,
) -> None:
    assert sorted(name for name in written(page) if not is_known(name)) == []


def test_every_known_issue_says_what_to_do_and_how_it_is_known() -> None:
    page = (FOLDER / "known-issues.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    issues = [row for row in rows if row[0] not in {"---", "What is seen"}]
    assert [row for row in issues if len(row) != 4] == []
    assert [row for row in issues if not re.match(r"[DSTL](:| for |;|$)", row[3])] == []
    topics = " ".join(re.findall(r"^## (.*)$", page, flags=re.MULTILINE)).lower()
    for topic in ("voice activity", "accents", "silence", "models"):
        assert topic in topics


def options(subcommand: str) -> set[str]:
    """Every option of a subcommand, and of those within it."""
    command = load(subcommand, SUBCOMMANDS[subcommand])
    inner = list(command.commands.values()) if isinstance(command, click.Group) else []
    return {
        name for one in (command, *inner) for parameter in one.params for name in parameter.opts
    }


def is_known(name: str) -> bool:
    """Whether something in backticks is called so by Perch, or is a word of another's."""
    words = name.replace('"$COLOUR"', "blue").split()
    if words[0] == "perch" and len(words) > 1:
        return words[1] in SUBCOMMANDS
    if words[0].startswith("--"):
        return any(words[0] in options(name) for name in SUBCOMMANDS)
    names = {code.value for code in ErrorCode} | set(FAILURE_REASONS) | keys() | OF_OTHERS | SHELL
    if name in KNOWN_KEYS:
        return True
    if re.search(rf"[\"' ]{re.escape(name)}[\"'=:]", LOGGED):
        return True
    return name in names or name.partition(":")[0] in names or (ROOT / name).exists()


def keys() -> set[str]:
    """Keys of a stack's file, with their group before them and without it."""
    page = (ROOT / "docs" / "configuration.md").read_text()
    found = set()
    for section in page.split("\n## ")[1:]:
        group = section.splitlines()[0].split(" ")[0].strip("`,")
        for key in re.findall(r"^\| `([\w.]+)` \|", section, flags=re.MULTILINE):
            found |= {key, key.rpartition(".")[2], f"{group}.{key}"}
    return found


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
