"""What is skipped for want of a program is found, named and counted."""

from pathlib import Path

import pytest

from tests.support import tools


def test_a_program_is_found_where_a_users_path_does_not_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "chroot"
    program.touch(mode=0o755)
    monkeypatch.setattr(tools, "SYSTEM_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert tools.need("chroot", "coreutils") == str(program)


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_program_that_is_missing_skips_by_name_or_fails_where_all_are_required(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("PERCH_REQUIRE_TOOLS", required)
    with pytest.raises(outcome, match="no-such is missing; Debian: apt-get install nothing"):
        tools.need("no-such", "nothing")


def test_skipped_tests_are_counted_by_the_program_they_want() -> None:
    reasons = [
        "('tests/a.py', 3, 'Skipped: chromium is missing; Debian: apt-get install chromium')",
        "Skipped: ip is missing; Debian: apt-get install iproute2",
        "Skipped: chromium is missing; Debian: apt-get install chromium",
        "Skipped: only root may",
    ]
    assert tools.wanting(reasons)[1] == (
        "1 test skipped for want of ip (Debian: apt-get install iproute2)"
    )
    assert tools.wanting(reasons)[0].startswith("2 tests skipped for want of chromium (Debian: ")
