"""A page in one file: no script, no font, no picture that is fetched from anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STYLE: Final = """
body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}td.text{text-align:left;max-width:34rem}
.said{font-size:1.1rem;padding:.6rem .8rem;border-left:4px solid #0b62a4;background:#eef4fa}
.bad{border-left-color:#b00020;background:#fdecee}
ins{background:#d6f5d6;text-decoration:none}del{background:#fbd5d5}mark{background:#fff1b8}
.plots{display:flex;flex-wrap:wrap;gap:1rem}audio{height:28px;width:16rem}
""".strip()


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole document.

    Args:
        title: As text.
        parts: HTML, in order.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def said(sentence: str, *, bad: bool = False) -> str:
    """Return a sentence that is to be seen first."""
    return f'<p class="said{" bad" if bad else ""}">{escape(sentence)}</p>'


def section(title: str, *parts: str) -> str:
    """Return a heading and what stands below it."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts)


def plots(*drawn: str) -> str:
    """Return plots side by side."""
    return f'<div class="plots">{"".join(drawn)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts, each escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
