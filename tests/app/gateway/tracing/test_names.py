"""Every span that there is is tested and documented, and no other."""

import re
from pathlib import Path

from app.gateway.tracing.names import SpanName

ROOT = Path(__file__).resolve().parents[4]


def test_the_page_has_a_row_for_each_span() -> None:
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(perch\.[a-z_]+)` \|", page, re.MULTILINE) == list(SpanName)


def test_each_span_is_seen_by_a_test() -> None:
    tests = (Path(__file__).parent / "test_tracing.py").read_text(encoding="utf-8")
    assert [name for name in SpanName if f'"{name}"' not in tests] == []
