"""Names of results, whatever names recordings have: below their folder, and no two alike."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.batch.folder import Folder
from ops.batch.names import ENDINGS, SEGMENT_BYTES, is_result, local_name, why_no_key
from ops.batch.place import NoSuchNameError

PARTS = st.one_of(
    st.sampled_from(["", ".", "..", "%", "%2E", "...", "a", "A", "\\", "\n", "é", "e\u0301", " "]),
    st.text(max_size=12),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.just(120)),
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("/".join)


@given(name=NAMES)
@example(name="../../etc/passwd")
@example(name="/etc/passwd")
@example(name=f"{'é' * 200}.wav")
@example(name="caf\udce9.wav")
def test_a_result_lies_below_its_folder_and_can_be_called_so(name: str) -> None:
    local = local_name(name)
    parts = local.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert not local.startswith("/")
    assert not any(ord(character) < 32 or character == "\\" for character in local)
    longest = max(len(part.encode("utf-8", "surrogateescape")) for part in parts)
    assert longest <= SEGMENT_BYTES
    # A file system's own limit is that of a part with its ending.
    assert longest + max(map(len, ENDINGS)) <= 255


@given(one=NAMES, other=NAMES)
@example(one="%2E%2E", other="..")
@example(one="a//b", other="a/%/b")
@example(one="x" * 300, other="x" * 301)
def test_no_two_recordings_have_results_of_one_name(one: str, other: str) -> None:
    names = {local_name(name) + ending for name in (one, other) for ending in ENDINGS}
    assert len(names) == len(ENDINGS) * len({one, other})


@given(name=NAMES.filter(lambda name: not _has_surrogates(name)))
def test_what_is_written_under_any_name_is_found_there_again(name: str) -> None:
    with tempfile.TemporaryDirectory() as above:
        folder = Folder(Path(above) / "out")
        folder.write(folder.name_for(name) + ".json", b"{}")
        assert folder.read(folder.name_for(name) + ".json") == b"{}"
        [only] = (path for path in Path(above).rglob("*") if path.is_file())
        assert only.is_relative_to(Path(above) / "out")


def _has_surrogates(name: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in name)


def test_a_key_that_no_bucket_can_have_is_told() -> None:
    assert why_no_key("out/a.wav.json") is None
    assert why_no_key("é" * 512) is None
    assert why_no_key("é" * 513) == "its result's key would have 1026 bytes; accepted: up to 1024"
    assert str(why_no_key("caf\udce9")).startswith("its name is no text in UTF-8")


def test_a_result_is_known_by_its_recording_and_not_by_its_ending_alone() -> None:
    names = {"a.wav", "a.wav.json", "notes.json"}
    assert [name for name in sorted(names) if is_result(name, names)] == ["a.wav.json"]


@pytest.mark.parametrize("inside", ["taken.json/b", "taken.json"])
def test_a_name_that_is_taken_by_something_else_is_that_recordings_fault_alone(
    tmp_path: Path, inside: str
) -> None:
    folder = Folder(tmp_path)
    if "/" in inside:
        (tmp_path / "taken.json").write_text("a file")
    else:
        (tmp_path / "taken.json").mkdir()
    with pytest.raises(NoSuchNameError, match="has a result that cannot be written to"):
        folder.write(inside, b"{}")
    assert not list(tmp_path.rglob(".perch-*"))
