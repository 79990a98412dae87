"""The rows of ports that tests of whole stacks take: by no two of them at once."""

import subprocess
import sys
from pathlib import Path

from tests.support.port_rows import claim, free_row

ANOTHER = """
import sys
from pathlib import Path
from tests.support.port_rows import free_row
print(free_row(Path(sys.argv[1])))
"""


def test_a_row_is_claimed_against_other_processes_until_its_own_ends(tmp_path: Path) -> None:
    def another() -> int:
        words = [sys.executable, "-c", ANOTHER, str(tmp_path)]
        return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    theirs = another()
    assert claim(tmp_path, theirs), "what a process had that has ended is free again"
    assert not claim(tmp_path, theirs)
    own = free_row(tmp_path)
    assert own != theirs
    assert another() not in {own, theirs}
