"""The CLI on PATH, the one that was built, and what is said where neither is to be had.

Does not build it: `make engine` does, and takes minutes.
"""

from pathlib import Path

import pytest

from ops.offline.errors import OfflineError
from ops.offline.pulumi_cli import binary

PINNED = binary.pinned_version()


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH but for the shell's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def program(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o700)


def test_the_pinned_version_is_one_that_the_sdk_takes(on_path: Path, tmp_path: Path) -> None:
    program(on_path / "pulumi", f"echo {PINNED}")
    found = binary.find(tmp_path / "tools")
    assert found is not None
    assert f"v{found.version}" == PINNED


def test_the_one_on_path_goes_before_the_built_one(on_path: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(tools / f"pulumi-{PINNED}" / "bin" / "pulumi", "echo v3.999.0")
    built = binary.find(tools)
    assert built is not None
    assert str(built.version) == "3.999.0"
    program(on_path / "pulumi", "echo v3.998.0")
    found = binary.find(tools)
    assert found is not None
    assert str(found.version) == "3.998.0"


def test_nothing_is_found_where_nothing_was_built(on_path: Path, tmp_path: Path) -> None:
    assert on_path.is_dir()
    assert binary.find(tmp_path / "tools") is None


def test_one_that_is_too_old_is_refused_with_both_versions(on_path: Path, tmp_path: Path) -> None:
    program(on_path / "pulumi", "echo v3.0.9")
    with pytest.raises(OfflineError, match=r"pulumi: .*3\.0\.9"):
        binary.find(tmp_path / "tools")


def test_one_that_does_not_run_is_refused_by_its_path(on_path: Path, tmp_path: Path) -> None:
    program(on_path / "pulumi", "exit 3")
    with pytest.raises(OfflineError, match="does not run"):
        binary.find(tmp_path / "tools")


def test_without_go_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OfflineError, match=rf"no `go` to build {PINNED}.*pulumi\.com.*go\.dev"):
        binary.find_or_build(tmp_path / "tools")


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("dial tcp: lookup proxy.golang.org: no such host", "proxy cannot be reached"),
        ("reading https://proxy/x.info: 404 Not Found", "does not have this version"),
        ("verifying module: checksum mismatch", "not what go.sum names"),
        ("go: module requires go >= 1.99 (running go 1.22)", "this Go is too old"),
        ("write /tmp/b001: no space left on device", "disk is full"),
        ("internal compiler error", "could not be built"),
    ],
)
def test_what_go_says_is_explained_and_no_half_built_binary_stays(
    said: str, meaning: str, on_path: Path, tmp_path: Path
) -> None:
    program(on_path / "go", f"echo '{said}' >&2", "exit 1")
    with pytest.raises(OfflineError, match=f"pulumi {PINNED}: .*{meaning}") as refused:
        binary.find_or_build(tmp_path / "tools")
    assert said in str(refused.value)
    assert not [path for path in (tmp_path / "tools").rglob("*") if path.is_file()]


def test_the_locked_module_is_built_whatever_a_persons_go_is_set_up_to_do(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod -insecure")
    said = tmp_path / "said"
    program(
        on_path / "go",
        f'echo "$GOFLAGS $GOWORK $@" > {said}; ls > {said}.files',
        'while [ "$1" != -o ]; do shift; done',
        f'printf \'#!/bin/sh\\necho {PINNED}\\n\' > "$2"; chmod +x "$2"',
    )
    assert f"v{binary.find_or_build(tmp_path / 'tools').version}" == PINNED
    words = said.read_text().split()
    assert words[:4] == ["-mod=readonly", "-buildvcs=false", "off", "build"]
    assert words[-1] == binary.PACKAGE
    assert Path(f"{said}.files").read_text().split() == ["go.mod", "go.sum", "tools.go"]


def test_every_module_of_the_lock_has_its_sum() -> None:
    sums = (binary.MODULE / "go.sum").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 {PINNED} h1:" in sums
