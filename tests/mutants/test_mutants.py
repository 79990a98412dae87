"""The harness itself: what it breaks, which tests it picks, and that it notices what they notice.

It does not prove that what survives matters: that is for a person to judge.
"""

import argparse
import ast
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.mutants.__main__ import PACKAGES, ROOT, Package, main, report, tried
from tests.mutants.covering import Covering, imported
from tests.mutants.equivalent import EQUIVALENTS, Equivalent, reason
from tests.mutants.source import Mutant, mutants_of
from tests.mutants.trial import Tree, failures
from tests.support.cases import few


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


def test_the_name_of_a_task_is_left_alone_and_that_of_anything_else_is_not(tmp_path: Path) -> None:
    text = "def f():\n    create_task(g, name='a')\n    alarm(g, name='b')\n"
    found = " ".join(broken(tmp_path, "a.py", text))
    assert "XXa" not in found
    assert "XXb" in found


def test_lines_of_the_shell_are_broken_too(tmp_path: Path) -> None:
    found = broken(tmp_path, "start", 'if [[ $n -lt 3 ]]; then\n  timeout 30 run "$n"\nfi\n')
    assert {
        'if ! [[ $n -lt 3 ]]; then\n  timeout 30 run "$n"\nfi\n',
        'if [[ $n -ge 3 ]]; then\n  timeout 30 run "$n"\nfi\n',
        'if [[ $n -lt 3 ]]; then\n  run "$n"\nfi\n',
        "if [[ $n -lt 3 ]]; then\n  :\nfi\n",
    } <= set(found)


def test_the_words_by_which_a_shell_counts_are_left_alone(tmp_path: Path) -> None:
    assert broken(tmp_path, "start", "for try in 1 2 3; do\n") == []
    assert broken(tmp_path, "start", "for try in $(seq 3); do\n") != []


@pytest.mark.parametrize("name", few(PACKAGES, set(PACKAGES) - {"gateway", "ops"}))
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
        lines={"a.py": {3: ["slow", "fast", "middling"], 4: ["other"]}},
        seconds={"slow": 30.0, "fast": 0.1, "middling": 2.0, "other": 1.0},
        programs={"start": ["other"]},
        imports={},
    )
    assert covering.tests("a.py", 3, budget=2.5) == ["fast", "middling"]
    assert covering.tests("a.py", 3, budget=3.5) == ["fast", "middling", "other"]
    assert covering.tests("a.py", 3, budget=0) == ["fast"]
    assert covering.tests("b.py", 1, budget=1.5) == ["fast", "other"]
    assert covering.tests_of_script("x/start+nim", [], 1.2) == ["other", "fast"]
    assert covering.tests_of_script("x/stop", [], 1.2) == ["fast", "other"]
    assert covering.tests_of_script("x/common", ["x/start+a"], 1.2) == ["other", "fast"]


def test_after_the_tests_of_a_line_come_those_of_its_module_then_of_its_package() -> None:
    names = ["all.py::it", "line.py::it", "package.py::it", "runs.py::it", "z.py::it"]
    covering = Covering(
        lines={"app/a/b.py": {3: ["runs.py::it"], 9: ["line.py::it"], 4: []}},
        seconds=dict.fromkeys(names, 0.1),
        programs={},
        imports={
            "package.py": ["app.a", "app.a.bc"],
            "runs.py": ["app.a"],
            "z.py": ["app.a.b.NAME"],
        },
    )
    for line, first in ((9, ["line.py::it"]), (4, [])):
        tests = [test for test in covering.tests("app/a/b.py", line, budget=9) if test not in first]
        assert [test for test in tests if test != "line.py::it"] == [
            "z.py::it",
            "runs.py::it",
            "package.py::it",
            "all.py::it",
        ]
    assert covering.tests("app/a/b.py", 9, budget=9)[0] == "line.py::it"


def test_those_that_run_a_line_are_a_step_of_their_own_before_the_others() -> None:
    covering = Covering(
        lines={"a.py": {3: ["runs", "too slow"], 4: []}},
        seconds={"runs": 0.5, "too slow": 9.0, "other": 0.1},
        programs={},
        imports={},
    )
    assert covering.steps("a.py", 3, budget=2) == [["runs"], ["other"]]
    assert covering.steps("a.py", 4, budget=2) == [["runs"], ["other"]]
    assert covering.steps("a.py", 3, budget=0.1) == [["runs"]]


def test_those_that_start_a_module_as_a_program_come_before_the_other_ones_of_its_package() -> None:
    covering = Covering(
        lines={},
        seconds={"a.py::starts": 9.0, "b.py::imports": 0.1},
        programs={"app.gateway": ["a.py::starts"], "ops.listener": ["a.py::starts"]},
        imports={"b.py": ["app.gateway", "ops"]},
    )
    for path in ("app/gateway/__main__.py", "ops/listener.py"):
        assert covering.tests(path, 1, budget=9.5)[0] == "a.py::starts"


def test_what_a_file_sets_up_for_its_tests_counts_with_whichever_is_chosen() -> None:
    covering = Covering(
        lines={},
        seconds={"up.py::first": 9.0, "up.py::second": 0.1, "other.py::it": 2.0},
        programs={},
        imports={},
        shared={"up.py": ("up.py::first", 8.0)},
    )
    assert covering.took(["up.py::second"]) == pytest.approx(8.1)
    assert covering.took(["up.py::first", "up.py::second"]) == pytest.approx(9.1)
    assert covering.tests("a.py", 1, budget=5) == ["other.py::it"]
    assert covering.tests("a.py", 1, budget=10.2) == ["other.py::it", "up.py::second"]


def test_the_modules_that_a_file_imports_are_named_wherever_it_does(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import x.y\nfrom app.b import C as D\ndef f():\n    import z\n")
    assert imported(file) == ["app.b", "app.b.C", "x.y", "z"]


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

    def hungry(n):
        return bytes((n - 1) << 33)
"""
TESTS = """
    import subprocess

    import pytest

    from app import LIMIT, small, endless, hungry

    @pytest.mark.parametrize("limit", [LIMIT])
    def test_small(limit):
        assert small(2)

    def test_endless():
        endless(3)
        subprocess.run(["/bin/true", "x"])

    def test_hungry():
        hungry(1)

    def test_fails():
        assert not small(2)
"""


def test_the_tests_that_failed_are_named_by_the_summary() -> None:
    said = "F\nFAILED tests/a.py::t[x y] - assert 1\nERROR tests/a.py::u\nERROR tests/b.py\n"
    assert failures(said) == ["tests/a.py::t[x y]", "tests/a.py::u"]


@pytest.mark.slow
def test_a_run_tells_what_was_noticed_from_what_was_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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
    assert "tests/test_app.py::test_fails" not in covering.seconds
    assert covering.tests_of_script("/bin/true", [], 0) == ["tests/test_app.py::test_endless"]
    verdicts = {}
    wanted = {"3", "n < LIMIT", "n + 9", "n -= 1", "-"}
    for mutant in [found for found in mutants_of(tmp_path, "app.py") if found.old in wanted]:
        tests = covering.tests("app.py", mutant.line, budget=9)
        cpu_s = 5 if mutant.line == LOOP else 60
        verdicts[mutant.old, mutant.new] = tree.try_out(mutant, tests, 100, cpu_s)
    assert verdicts == {
        ("3", "4"): "survived",
        ("n < LIMIT", "None"): "killed",
        ("n + 9", "None"): "survived",
        ("n -= 1", "pass"): "timed out",
        # More than a trial's address space, though nobody writes there.
        ("-", "+"): "killed",
    }
    assert (tree.folder / "app.py").read_text() == (tmp_path / "app.py").read_text()
    # What takes too long unbroken too says nothing.
    [mutant, *_] = [found for found in mutants_of(tmp_path, "app.py") if found.old == "n < LIMIT"]
    assert tree.try_out(mutant, ["tests/test_app.py::test_small[3]"], 0.0, 60) == "unclear"
    # And so does what fails unbroken too.
    (tree.folder / "tests" / "test_app.py").write_text("def test_small(): assert False")
    assert tree.try_out(mutant, ["tests/test_app.py::test_small"], 100, 60) == "unclear"
    # Nor does a run that ends as one with a failing test and names none.
    file = tree.folder / "tests" / "test_app.py"
    file.write_text(
        "import os\nfrom app import small\ndef test_small(): os._exit(0 if small(2) else 1)"
    )
    assert tree.try_out(mutant, ["tests/test_app.py::test_small"], 100, 60) == "unclear"
    assert f"no test is named as failing by: {mutant}\n" in capsys.readouterr().err
    # A file that cannot be imported any more says something; one that never could, nothing.
    for told, verdict in (("small(2)", "killed"), ("small(9)", "unclear")):
        file.write_text(f"from app import small\nassert {told}\ndef test_small(): pass")
        assert tree.try_out(mutant, ["tests/test_app.py::test_small"], 100, 60) == verdict
    tree.close()


def test_what_is_edited_while_it_runs_changes_nothing(tmp_path: Path) -> None:
    repository, folder = tmp_path / "repository", tmp_path / "tree"
    repository.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    (repository / "app.py").write_text("LIMIT = 3\n")
    tree = Tree(repository, folder)
    (repository / "app.py").write_text("# Three.\nLIMIT = 3\n")
    verdicts = tried(
        Package(sources=("app.py",), tests=()),
        Covering(lines={}, seconds={}, programs={}, imports={}),
        [tree],
        argparse.Namespace(count=9, seed="1", budget=1.0),
    )
    assert verdicts == {mutants_of(folder, "app.py")[0]: "not run by any test"}


def test_the_report_counts_what_timed_out_as_noticed_and_names_the_rest() -> None:
    def mutant(line: int) -> Mutant:
        return Mutant(path="a.py", line=line, start=0, end=1, old="<", new="<=")

    text, share = report(
        "asr",
        {
            mutant(1): "killed",
            mutant(2): "timed out",
            mutant(3): "survived",
            mutant(4): "unclear",
            mutant(5): "equivalent",
        },
    )
    assert text == (
        "asr             5 drawn    50% noticed "
        "(equivalent 1, killed 1, survived 1, timed out 1, unclear 1)\n"
        "  survived: a.py:3  <  ->  <=\n"
        "  unclear: a.py:4  <  ->  <="
    )
    assert share == pytest.approx(2 / 4)


def test_what_makes_no_difference_is_known_by_its_line_and_not_by_the_number_of_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").write_text("\n  a < b < 1\n")
    listed = Equivalent(path="a.py", line="a < b < 1", old="<", new="<=", why="a word")

    def mutant(old: str, new: str, line: int = 2, path: str = "a.py") -> Mutant:
        return Mutant(path=path, line=line, start=0, end=1, old=old, new=new)

    assert reason(tmp_path, mutant("<", "<="), [listed]) == "a word"
    others = [
        mutant("1", "<="),
        mutant("<", ">"),
        mutant("<", "<=", 1),
        mutant("<", "<=", path="b"),
    ]
    assert [reason(tmp_path, other, [listed]) for other in others] == [None] * 4


def test_each_equivalent_has_a_reason_and_a_file() -> None:
    assert all(one.why and (ROOT / one.path).is_file() for one in EQUIVALENTS)


def test_a_package_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["moon"])
    assert left.value.code == 2
    assert "moon" in capsys.readouterr().err


def test_files_of_another_part_are_left_out(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).touch()
    assert Package(sources=("*.py",), tests=(), but=("b.py",)).files(tmp_path) == ["a.py"]
