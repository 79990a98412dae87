"""docs/architecture.md: its list of packages, and the files and names that its text speaks of."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "architecture.md"
LISTED: Final = ("app", "ci", "infra", "ops")
TOPS: Final = (*LISTED, "bench", "packaging", "tests")
LONGEST_FILE: Final = 400
"""Lines of a Python file, those of tests included."""
LARGEST_PACKAGE: Final = 14
"""Modules of a package of the product, beside its `__init__`."""
LARGER: Final = {
    "app/gateway/session": 15,  # parts of one connection, all of them known to it alone
    "ops": 18,  # commands of one module each, and what all of `ops` shares
}
"""Packages that have more, and how many: what shrinks takes its line away."""

_BEGIN: Final = "<!-- packages: written by `python -m tests.docs --write` -->\n"
_END: Final = "<!-- end of packages -->\n"
_PATH: Final = re.compile(
    r"`((?:\.github|app|bench|ci|docs|infra|ops|stacks|tests)/[\w./-]*?)(?::(\w+))?`"
)


def packages(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield every package with the first sentence of its docstring."""
    for top in LISTED:
        for file in sorted((root / top).rglob("__init__.py")):
            text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
            yield file.parent.relative_to(root).as_posix(), text.partition("\n")[0]


def architecture_page() -> str:
    """Return the page with the list of packages as it is now."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = "".join(f"| `{path}` | {sentence} |\n" for path, sentence in packages())
    return f"{before}{_BEGIN}\n| Package | What it is for |\n| --- | --- |\n{rows}\n{_END}{after}"


def spoken_of(page: str) -> Iterator[tuple[str, str]]:
    """Yield each path of a page with the name in it that is meant; empty for the whole."""
    yield from _PATH.findall(page)


def defined(file: Path) -> set[str]:
    """Return the names a module defines itself."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
            case _:
                pass
    return found


def too_long(root: Path = ROOT, most: int = LONGEST_FILE) -> list[str]:
    """Name the Python files with more lines than that, and how many they have."""
    lines = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for top in TOPS
        for path in sorted((root / top).rglob("*.py"))
    }
    return [f"{path}: {count}" for path, count in lines.items() if count > most]


def modules(root: Path = ROOT) -> dict[str, int]:
    """Count the modules of each package of the product, `__init__` left out."""
    return {
        path: sum(file.name != "__init__.py" for file in (root / path).glob("*.py"))
        for path, _ in packages(root)
    }
