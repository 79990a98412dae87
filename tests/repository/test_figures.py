"""Every figure that somebody measured stands beside the command that measures it again.

A figure is a number in a line that speaks of measuring: percentiles, medians, CPU time, word error
rates, "measured", "a run of". Its command stands in the same section, as code. That the figure is
what the command says today is not proved: machines differ.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "packaging/client/README.md", *ROOT.glob("docs/*.md"))
    # Figures of the first three are settings and limits, written from code. The last one's column
    # of measured times is empty, and the page says with what it is to be filled.
    if path.name not in {"configuration.md", "contract.md", "metrics.md", "cold-start.md"}
)
SPEAKS = re.compile(
    r"\bp(?:50|95|99)\b|\bmedian\b|CPU-s\b|\bmeasured\b|\bA run of\b|\bWER\b|word error rate",
    re.IGNORECASE,
)
NUMBER = re.compile(r"(?<![\w.`-])\d+(?:\.\d+)?(?![\w`-])")
COMMAND = re.compile(
    r"(?:`|^ {4,}|^)(?:\.venv/bin/)?(?:make|perch|python -m|pytest)\b", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
CODE = re.compile(r"`[^`]*`")


def sections(text: str) -> Iterator[str]:
    """Yield each heading with what stands below it, to the next one."""
    starts = [match.start() for match in HEADING.finditer(text)]
    for begin, end in zip([0, *starts], [*starts, len(text)], strict=True):
        yield text[begin:end]


def figures(section: str) -> list[str]:
    """Return the lines of a section that name a measured figure; a table counts with its head."""
    found, in_table = [], False
    for line in section.splitlines():
        bare = CODE.sub("", line)
        is_row = line.startswith("|")
        in_table = is_row and (in_table or bool(SPEAKS.search(bare)))
        if (in_table or SPEAKS.search(bare)) and NUMBER.search(bare.replace("p95", "")):
            found.append(line)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_figure_stands_beside_its_command(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lacking = [
        line
        for section in sections(text)
        if not COMMAND.search(section)
        for line in figures(section)
    ]
    assert lacking == []


@pytest.mark.parametrize(
    "page",
    [
        "# Speed\n\nThe p95 is 3.2 ms.\n",
        "# Speed\n\n| n | p95 ms |\n|---|---|\n| 4 | 17 |\n",
        "# A\n\n`make bench`\n\n## B\n\nWe measured 12 sessions.\n",
    ],
)
def test_a_figure_without_one_is_found(page: str) -> None:
    lacking = [s for s in sections(page) if figures(s) and not COMMAND.search(s)]
    assert len(lacking) == 1


def test_a_figure_with_one_and_a_number_that_nobody_measured_are_not() -> None:
    page = "# A\n\nThe p95 is 3 ms (`make bench`).\n\n## B\n\nAt most 64 sessions.\n"
    assert [s for s in sections(page) if figures(s) and not COMMAND.search(s)] == []
