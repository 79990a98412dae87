"""No call of a boot script may hang: each says how long it may take, or its unit does.

Read out of the scripts as they stand: to wait for a minute in a test, a hundred times, would show
no more. What a script does when such a time is up is shown by its own tests.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.boot.files import host_files
from tests.support.boot_settings import boot_settings

SCRIPTS = Path(__file__).parents[3] / "infra" / "boot" / "scripts"
NEEDS_A_BOUND = r"(?:^|(?<!command -v)[\s(|!])(curl|aws|nvidia-smi|docker (?:info|login))\s"
BOUNDED = r"(?<![-\w])timeout (?:-\S+ )*\S+ (?:\S+=\S+ )*$"
LONG = {
    ("restore-cache", "aws"): "perch-cache.service",
    ("save-cache", "aws"): "perch-cache-save.service",
}
"""Copies of gigabytes, and the unit whose deadline is theirs."""


def commands(script: Path) -> Iterator[tuple[str, str, str]]:
    """Each call that needs a bound: the program, what stands before it, and what comes after."""
    text = re.sub(r"\\\n\s*", " ", script.read_text())
    for line in text.splitlines():
        code = re.sub(r"\"[^\"]*\"", _unless_it_calls, re.sub(r"(^|\s)#.*", "", line))
        for found in re.finditer(NEEDS_A_BOUND, code):
            yield found[1], code[: found.start(1)], code[found.end() :]


def _unless_it_calls(text: re.Match[str]) -> str:
    return text[0] if "$(" in text[0] else '""'


def test_every_call_over_the_network_or_to_a_driver_has_a_bound() -> None:
    unbounded = []
    for script in sorted(SCRIPTS.iterdir()):
        for program, before, after in commands(script):
            own = program == "curl" and re.search(r"(?:^|\s)-m \d+(?:\s|$)", after)
            if not own and not re.search(BOUNDED, before):
                unbounded.append((script.name, program))
    assert unbounded == sorted(LONG)


@pytest.mark.parametrize(
    ("script", "bounds"),
    [
        (
            "common",
            [
                *("timeout 60", "connect 5", "read 30"),
                *("-m 2", "-m 2", "-m 5", "-m 5", "-m 10", "kill 5"),
            ],
        ),
        ("mount-store", ["timeout 120", "timeout 120", "timeout 60"]),
        ("pull-image", ["timeout 60"]),
        ("verify-gpu", ["timeout 60", "timeout 60"]),
        ("start-log-agent", ["timeout 90"]),
        ("install-gateway+bundle", ["timeout 300"]),
        ("start-asr+riva", ["timeout 1800"]),
        ("report-failure", ["timeout 10"]),
    ],
)
def test_a_bound_is_the_one_that_was_decided(script: str, bounds: list[str]) -> None:
    text = (SCRIPTS / script).read_text()
    found = [
        *(f"timeout {seconds}" for seconds in re.findall(r"(?<!-)timeout (?:-\S+ )*(\d+) ", text)),
        *(f"connect {seconds}" for seconds in re.findall(r"--cli-connect-timeout (\d+)", text)),
        *(f"read {seconds}" for seconds in re.findall(r"--cli-read-timeout (\d+)", text)),
        *(f"-m {seconds}" for seconds in re.findall(r"curl .*-m (\d+)", text)),
        *(f"kill {seconds}" for seconds in re.findall(r"--kill-after=(\d+)", text)),
    ]
    assert found == bounds


def test_a_copy_without_a_bound_of_its_own_has_its_units() -> None:
    files = {file.path.rpartition("/")[2]: file.content for file in host_files(boot_settings())}
    for (script, _), unit in LONG.items():
        text = files[unit]
        assert script in text
        assert re.search(r"^TimeoutStartSec=\d+", text, re.MULTILINE), unit


@pytest.mark.parametrize(
    ("line", "calls"),
    [
        ("curl -sf x", [("curl", "", "-sf x")]),
        ("answer=$(timeout 5 aws s3 cp a b)", [("aws", "answer=$(timeout 5 ", "s3 cp a b)")]),
        ("say 'x' # curl x", []),
        ('say "an aws call"', []),
        ("aws_call s3 ls", []),
    ],
)
def test_a_call_is_told_from_what_only_reads_like_one(
    tmp_path: Path, line: str, calls: list[tuple[str, str, str]]
) -> None:
    script = tmp_path / "script"
    script.write_text(f"{line}\n")
    assert list(commands(script)) == calls


AGAIN = re.compile(r"(?ms)^( *)(?:while (?:true|! \w+)|until |for \(\(try).*?\n(.*?)^\1done$")
"""A loop that asks somebody until it likes the answer, and what is in it."""


def test_whoever_asks_again_waits_before() -> None:
    """Else a machine would ask AWS, or itself, as often as a processor can."""
    hasty, loops = [], 0
    for script in sorted(SCRIPTS.iterdir()):
        text = script.read_text()
        found = AGAIN.findall(text)
        loops += len(found)
        assert text.count("for ((try") + text.count("while true") <= len(found), script.name
        hasty += [
            script.name
            for _, body in found
            if body.splitlines()[-1].strip() != 'sleep "$PERCH_POLL_SECONDS"'
        ]
    assert (hasty, loops > 8) == ([], True)
