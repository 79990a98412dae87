"""The sources of the client's wheel import nothing that the wheel does not take."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.support.uv import ROOT

MEMBER = ROOT / "packaging" / "client"


def taken() -> set[str]:
    """Path of each file and folder of the repository that the wheel takes."""
    project = tomllib.loads((MEMBER / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return {(MEMBER / source).resolve().relative_to(ROOT).as_posix() for source in included}


def imported(path: Path) -> Iterator[str]:
    """Every module of the repository that a file imports, as a path; absolute ones with a slash."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            yield module.relative_to(ROOT).as_posix()
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "app":
            yield f"/{node.module}"
        elif isinstance(node, ast.Import):
            yield from (f"/{name.name}" for name in node.names if name.name.startswith("app"))


def test_everything_that_it_imports_is_taken_too() -> None:
    files = [each for name in taken() for each in [ROOT / name, *(ROOT / name).rglob("*.py")]]
    found = {name for file in files if file.suffix == ".py" for name in imported(file)}
    roots = {name.removesuffix(".py") for name in taken()}
    assert len(found) > len(roots)
    assert not {name for name in found if "/".join(name.split("/")[:2]) not in roots}
