"""docs/clients: what comes of each field that another service's client sends, by its codec."""

from pathlib import Path
from typing import Final

from app.gateway.dialects.registry import UPLOAD_DIALECTS
from app.gateway.dialects.upload import UploadCodec

ROOT: Final = Path(__file__).resolve().parents[2]
_END: Final = "<!-- end of fields -->\n"


def client_pages() -> dict[str, type[UploadCodec]]:
    """Return the dialects that have a page, by its path."""
    paths = {f"docs/clients/{one.name}.md": one for one in UPLOAD_DIALECTS}
    return {path: one for path, one in paths.items() if (ROOT / path).is_file()}


def client_page(path: str, codec: type[UploadCodec]) -> str:
    """Return a page with the table of fields as its codec has it now."""
    before, begin, rest = (ROOT / path).read_text(encoding="utf-8").partition("<!-- fields: ")
    line, _, rest = rest.partition("\n")
    _, _, after = rest.partition(_END)
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in codec.texts.items())
    table = f"| Field | What comes of it |\n| --- | --- |\n| `file` | required |\n{rows}"
    return f"{before}{begin}{line}\n\n{table}\n{_END}{after}"
