"""The page on the architecture, held against the tree: its list is checked with the other pages."""

from pathlib import Path

import pytest

from tests.support.architecture import (
    LARGER,
    LARGEST_PACKAGE,
    PAGE,
    ROOT,
    defined,
    modules,
    packages,
    spoken_of,
    too_long,
)


@pytest.mark.parametrize(("path", "name"), sorted(set(spoken_of(PAGE.read_text(encoding="utf-8")))))
def test_what_the_page_speaks_of_is_there(path: str, name: str) -> None:
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).exists()
    assert not name or name in defined(ROOT / path)


def test_every_package_says_in_one_line_what_it_is_for() -> None:
    silent = [path for path, sentence in packages() if not sentence.endswith((".", ":"))]
    assert silent == []


def test_no_python_file_is_longer_than_four_hundred_lines() -> None:
    assert too_long() == []


def test_no_package_of_the_product_has_more_modules_than_one_can_look_over() -> None:
    """Packages of tests are not held: a suite is a list of files that do not know each other."""
    larger = {path: count for path, count in modules().items() if count > LARGEST_PACKAGE}
    assert larger == LARGER


def test_a_file_that_is_too_long_and_a_package_that_grew_are_noticed(tmp_path: Path) -> None:
    package = tmp_path / "app" / "a"
    package.mkdir(parents=True)
    for name in ("__init__", "b", "c"):
        (package / f"{name}.py").write_text('"""It."""\n' + "x = 1\n" * 400)
    assert too_long(tmp_path) == ["app/a/__init__.py: 401", "app/a/b.py: 401", "app/a/c.py: 401"]
    assert too_long(tmp_path, most=401) == []
    assert modules(tmp_path) == {"app/a": 2}


def test_a_name_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    page = "`app/x.py` does, by `ops/y.py:Make` and `infra/z/`, not `make check` or `a.py:B`"
    assert list(spoken_of(page)) == [("app/x.py", ""), ("ops/y.py", "Make"), ("infra/z/", "")]
    file = tmp_path / "y.py"
    file.write_text("import ast\nA: int = 1\nB = C = 2\nclass D:\n    E = 1\nasync def f(): ...\n")
    assert defined(file) == {"A", "B", "C", "D", "f"}
