"""The harness itself: what it breaks, which tests it picks, and that it notices what they notice.

It does not prove that what survives matters: that is for a person to judge.
"""

import ast
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.mutants.__main__ import PACKAGES, ROOT, Package, main, report
from tests.mutants.covering import Covering
from tests.mutants.source import Mutant, mutants_of
from tests.mutants.trial import Tree


def broken(tmp_path: Path, name: str, text: str) -> list[str]:
    """Each whole text that comes of a file."""
    content = textwrap.dedent(text).encode()
    (tmp_path / name).write_bytes(content)
    return [mutant.apply(content).decode() for mutant in mutants_of(tmp_path, name)]


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("a < b", {"a <= b"}),
        ("(a) not in (b)", {"(a) in (b)"}),
        ("a is not b", {"a is b"}),
        ("f(a, timeout=3.0)", {"f(a)", "f(a, timeout=4.0)"}),
        ("f(a=b, c=d)", {"f(c=d)", "f(a=b)"}),
        ("x = a and b", {"x = a or b"}),
        ("x = not a", {"x = a"}),
        ("x = 'ü' + y", {"x = 'XXü' + y"}),
        ("x += 1", {"pass", "x += 2"}),
        ("await sleep(0)", {"pass", "await sleep(1)"}),
    ],
)
def test_each_kind_of_line_is_broken_in_each_small_way(
    tmp_path: Path, line: str, others: set[str]
) -> None:
    head = "async def f():\n    "
    found = broken(tmp_path, "a.py", f"{head}{line}\n")
    assert others <= {text.removeprefix(head).rstrip("\n") for text in found}


def test_what_is_said_to_people_and_types_are_left_alone(tmp_path: Path) -> None:
    text = '''
        """A module's 1 text."""
        __all__ = ["f"]
        def f(x: "int < 3") -> "1":
            """A function's."""
            raise ValueError("a sentence", 3)
    '''
    assert [text.strip().splitlines()[-1].strip() for text in broken(tmp_path, "a.py", text)] == [
        "pass"
    ]


def test_lines_of_the_shell_are_broken_too(tmp_path: Path) -> None:
    found = broken(tmp_path, "start", 'if [[ $n -lt 3 ]]; then\n  timeout 30 run "$n"\nfi\n')
    assert {
        'if ! [[ $n -lt 3 ]]; then\n  timeout 30 run "$n"\nfi\n',
        'if [[ $n -ge 3 ]]; then\n  timeout 30 run "$n"\nfi\n',
        'if [[ $n -lt 3 ]]; then\n  run "$n"\nfi\n',
        "if [[ $n -lt 3 ]]; then\n  :\nfi\n",
    } <= set(found)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_has_files_and_what_is_drawn_of_it_is_always_the_same_and_python(
    name: str,
) -> None:
    sample = PACKAGES[name].sample(ROOT, 40, "1")
    assert sample == PACKAGES[name].sample(ROOT, 40, "1")
    assert len(sample) == 40
    for mutant in sample:
        if mutant.path.endswith(".py"):
            ast.parse(mutant.apply((ROOT / mutant.path).read_bytes()))
    assert all((ROOT / path).exists() for path in PACKAGES[name].tests)


def test_the_fastest_tests_of_a_line_come_first_and_no_more_than_there_is_time_for() -> None:
    covering = Covering(
        {"a.py": {3: ["slow", "fast", "middling"], 4: ["other"]}},
        {"slow": 30.0, "fast": 0.1, "middling": 2.0, "other": 1.0},
    )
    assert covering.tests("a.py", 3, at_import=False, budget=5) == ["fast", "middling"]
    assert covering.tests("a.py", 3, at_import=False, budget=0) == ["fast"]
    assert covering.tests("a.py", 9, at_import=False, budget=5) == []
    assert covering.tests("a.py", 9, at_import=True, budget=1.5) == ["fast", "other"]
    assert covering.tests("b.py", 1, at_import=True, budget=1.5) == ["fast", "other"]
    assert covering.all_tests(1.2) == ["fast", "other"]


LOOP = 12
"""The line in it that may run for ever."""
TESTED = """
    LIMIT = 3

    def small(n):
        return n < LIMIT

    def unseen(n):
        return n + 9

    def endless(n):
        while n:
            n -= 1
"""
TESTS = """
    from app import small, endless

    def test_small():
        assert small(2)

    def test_endless():
        endless(3)
"""


@pytest.mark.slow
def test_a_run_tells_what_was_noticed_from_what_was_not(tmp_path: Path) -> None:
    (tmp_path / "tests" / "mutants").mkdir(parents=True)
    (tmp_path / "app.py").write_text(textwrap.dedent(TESTED))
    (tmp_path / "tests" / "test_app.py").write_text(textwrap.dedent(TESTS))
    for source in (ROOT / "tests" / "mutants").glob("*.py"):
        (tmp_path / "tests" / "mutants" / source.name).write_bytes(source.read_bytes())
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nmarkers = ["slow: x"]\naddopts = "--import-mode=importlib"\n'
    )
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    tree = Tree(tmp_path, tmp_path.parent / f"{tmp_path.name}-tree")
    covering = tree.cover(["tests/test_app.py"], tmp_path / "build" / "covering.json", 100)
    verdicts = {}
    wanted = {"3", "n < LIMIT", "n + 9", "n -= 1"}
    for mutant in [found for found in mutants_of(tmp_path, "app.py") if found.old in wanted]:
        tests = covering.tests("app.py", mutant.line, at_import=mutant.at_import, budget=9)
        seconds = 5.0 if mutant.line == LOOP else 60.0
        verdicts[mutant.old, mutant.new] = tree.try_out(mutant, tests, seconds)
    assert verdicts == {
        ("3", "4"): "survived",
        ("n < LIMIT", "None"): "killed",
        ("n + 9", "None"): "not run by any test",
        ("n -= 1", "pass"): "timed out",
    }
    assert (tree.folder / "app.py").read_text() == (tmp_path / "app.py").read_text()


def test_the_report_counts_what_timed_out_as_noticed_and_names_the_rest() -> None:
    def mutant(line: int) -> Mutant:
        return Mutant(path="a.py", line=line, start=0, end=1, old="<", new="<=")

    text, share = report(
        "asr", {mutant(1): "killed", mutant(2): "timed out", mutant(3): "survived"}
    )
    assert text == "asr             3 tried    67% noticed\n  survived: a.py:3  <  ->  <="
    assert share == pytest.approx(2 / 3)


def test_a_package_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["moon"])
    assert left.value.code == 2
    assert "moon" in capsys.readouterr().err


def test_files_of_another_part_are_left_out(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).touch()
    assert Package(sources=("*.py",), tests=(), but=("b.py",)).files(tmp_path) == ["a.py"]
