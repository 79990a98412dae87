"""Folders of recordings as others lay them out. The recordings themselves are not read here."""

from pathlib import Path

import pytest

from ops.console.errors import ConfigurationError
from ops.qa.layouts import find_clips


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_librispeech_has_a_list_for_each_chapter(tmp_path: Path) -> None:
    for chapter, words in (("19/198", "BOATS CAME HOME"), ("26/495", "SHIPS")):
        name = chapter.replace("/", "-")
        put(tmp_path / chapter / f"{name}.trans.txt", f"{name}-0000 {words}\n")
        put(tmp_path / chapter / f"{name}-0000.flac")
    first, second = find_clips(tmp_path)
    assert (first.file, first.text) == ("19/198/19-198-0000.flac", "BOATS CAME HOME")
    assert second.name == "26-495-0000"


def test_common_voice_has_a_table_and_a_folder_of_clips(tmp_path: Path) -> None:
    put(
        tmp_path / "test.tsv",
        "client_id\tpath\tsentence\taccents\n"
        'x\tone.mp3\tThey said "no".\tScottish English\n'
        "y\ttwo.mp3\tBoats.\t\n",
    )
    put(tmp_path / "clips" / "one.mp3")
    put(tmp_path / "clips" / "two.mp3")
    one, two = find_clips(tmp_path)
    assert (one.file, one.text, one.tags) == (
        "clips/one.mp3",
        'They said "no".',
        ("Scottish English",),
    )
    assert two.tags == ()


def test_any_folder_needs_a_text_beside_each_recording(tmp_path: Path) -> None:
    put(tmp_path / "calls" / "a.wav")
    put(tmp_path / "calls" / "a.txt", "\ufeffboats came\n")
    put(tmp_path / "b.FLAC")
    put(tmp_path / "b.txt", "ships")
    put(tmp_path / "nobody-wrote-this-down.wav")
    assert [(clip.file, clip.text, clip.tags) for clip in find_clips(tmp_path)] == [
        ("b.FLAC", "ships", ()),
        ("calls/a.wav", "boats came", ("calls",)),
    ]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("test.tsv", "a\tb\n", "lacks the columns path and sentence"),
        ("test.tsv", "path\tsentence\none.mp3\tBoats\n", "1 recordings that"),
        ("x.trans.txt", "x-0 BOATS\n", "such as x-0.flac"),
        ("readme.md", "", "no corpus in"),
    ],
)
def test_what_is_no_corpus_is_told_in_a_sentence(
    tmp_path: Path, file: str, text: str, said: str
) -> None:
    put(tmp_path / file, text)
    with pytest.raises(ConfigurationError, match=said):
        find_clips(tmp_path)
