"""The page on the architecture, held against the tree: its list is checked with the other pages."""

from pathlib import Path

import pytest

from tests.support.architecture import PAGE, ROOT, defined, packages, spoken_of


@pytest.mark.parametrize(("path", "name"), sorted(set(spoken_of(PAGE.read_text(encoding="utf-8")))))
def test_what_the_page_speaks_of_is_there(path: str, name: str) -> None:
    assert (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).exists()
    assert not name or name in defined(ROOT / path)


def test_every_package_says_in_one_line_what_it_is_for() -> None:
    silent = [path for path, sentence in packages() if not sentence.endswith((".", ":"))]
    assert silent == []


def test_a_name_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    page = "`app/x.py` does, by `ops/y.py:Make` and `infra/z/`, not `make check` or `a.py:B`"
    assert list(spoken_of(page)) == [("app/x.py", ""), ("ops/y.py", "Make"), ("infra/z/", "")]
    file = tmp_path / "y.py"
    file.write_text("import ast\nA: int = 1\nB = C = 2\nclass D:\n    E = 1\nasync def f(): ...\n")
    assert defined(file) == {"A", "B", "C", "D", "f"}
