"""docs/clients: what comes of each field that another service's client sends, by its codec."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.gateway.dialects.registry import DIALECTS, UPLOAD_DIALECTS

ROOT: Final = Path(__file__).resolve().parents[2]
_END: Final = "<!-- end of fields -->\n"


def client_pages() -> dict[str, Mapping[str, str]]:
    """Return what comes of each field, by the path of its page; only of dialects that have one.

    Where recordings and live audio have a page each, the latter's name ends in `-realtime`; where
    they share one, it has the fields of live audio.
    """
    found = {
        f"docs/clients/{one.name}.md": {"file": "required", **one.texts} for one in UPLOAD_DIALECTS
    }
    for live in DIALECTS:
        path = f"docs/clients/{live.name}.md"
        own = path.replace(".md", "-realtime.md")
        found[own if path in found and (ROOT / own).is_file() else path] = {**live.texts}
    return {path: texts for path, texts in found.items() if (ROOT / path).is_file()}


def client_page(path: str, texts: Mapping[str, str]) -> str:
    """Return a page with the table of fields as its codec has it now."""
    before, begin, rest = (ROOT / path).read_text(encoding="utf-8").partition("<!-- fields: ")
    line, _, rest = rest.partition("\n")
    _, _, after = rest.partition(_END)
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in texts.items())
    table = f"| Field | What comes of it |\n| --- | --- |\n{rows}"
    return f"{before}{begin}{line}\n\n{table}\n{_END}{after}"
