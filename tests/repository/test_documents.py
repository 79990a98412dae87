"""The generated documents: what people read of codes, settings, metrics and policies is so.

It is not proven here that what they say is right: whoever changes one reads the difference.
"""

from pathlib import Path

import pytest

from tests.docs import DOCUMENTS, ROOT, outdated, write


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_committed_document_is_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == DOCUMENTS[path]()


def test_what_is_missing_or_differs_is_out_of_date_until_it_is_written(tmp_path: Path) -> None:
    assert outdated(tmp_path) == list(DOCUMENTS)
    write(tmp_path)
    assert outdated(tmp_path) == []
    (tmp_path / "docs" / "metrics.md").write_text("another")
    assert outdated(tmp_path) == ["docs/metrics.md"]


def test_each_decision_has_a_number_of_its_own_which_its_title_begins_with() -> None:
    numbers = []
    for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        number = path.name.partition("-")[0]
        numbers.append(number)
        assert path.read_text().startswith(f"# {number}: "), path.name
    assert len(numbers) == len(set(numbers)) > 50
