"""Converts Autobahn's test cases from Python 2. Runs in the environment that has them.

In Python 2 a text literal is a string of bytes. Here every byte becomes the character of the same
number: the files are read as Latin-1, so that literals written in UTF-8 keep their bytes, and the
driver turns characters into bytes where they meet the protocol.
"""

import argparse
import re
from pathlib import Path

FIXERS = ["except", "has_key", "import", "print", "xrange"]

PATCHES = (
    # A new-style class in Python 2; in Python 3 the order cannot be resolved.
    (r"\(object, Case, ?\)", "(Case,)"),
    # Whole numbers divided to whole numbers.
    (
        r"len\(self\.payload\) / self\.p\.autoFragmentSize",
        "len(self.payload) // self.p.autoFragmentSize",
    ),
    # Gone from zope.interface; the case that has it is not among the cases.
    (r"^from zope\.interface import implements$", "implements = lambda interface: None"),
    (r"^# coding=utf-8$", ""),
)


def convert(source: Path, target: Path) -> int:
    """Convert a package of cases.

    Args:
        source: Folder of the package as it is installed.
        target: Where to put the converted one; replaced where it exists.

    Returns:
        How many files were converted.
    """
    from fissix.refactor import RefactoringTool  # noqa: PLC0415 - only its environment has it

    tool = RefactoringTool([f"fissix.fixes.fix_{name}" for name in FIXERS])
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(source.glob("*.py"))
    for path in files:
        text = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
        for pattern, replacement in PATCHES:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        # A path inside the package tells the fixer for imports which ones are relative.
        converted = str(tool.refactor_string(text + "\n", str(path)))
        (target / path.name).write_text(converted, encoding="utf-8")
    return len(files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder of the cases as they are installed")
    parser.add_argument("target", type=Path, help="folder for the converted ones")
    options = parser.parse_args()
    convert(options.source, options.target)
