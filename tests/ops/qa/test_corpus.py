"""Reading a folder of recordings."""

import hashlib
import json
from pathlib import Path

import pytest

from ops.console.errors import ConfigurationError
from ops.qa.corpus import load_corpus

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def write(folder: Path, entries: object) -> Path:
    (folder / "manifest.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def test_the_fixtures_are_a_whole_corpus() -> None:
    clips = load_corpus(FIXTURES)
    recordings = {path.name for path in FIXTURES.iterdir() if path.suffix in {".flac", ".wav"}}
    assert {clip.file for clip in clips} == recordings
    assert all(clip.sha256 for clip in clips)
    (pauses,) = (clip for clip in clips if clip.name == "pauses")
    assert pauses.speech_start_s == pytest.approx(0.3)


def test_a_clip_needs_a_file_and_a_text_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (clip,) = load_corpus(write(tmp_path, [{"file": "a.wav", "text": "boats", "source": "me"}]))
    assert (clip.name, clip.tags, clip.speech_start_s) == ("a", (), None)


def test_every_missing_changed_or_outside_file_is_named_at_once(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (tmp_path / "outside.wav").touch()
    (corpus / "changed.wav").write_bytes(b"other")
    entries = [
        {"file": "missing.wav", "text": ""},
        {"file": "../outside.wav", "text": ""},
        {"file": "changed.wav", "text": "", "sha256": hashlib.sha256(b"first").hexdigest()},
    ]
    with pytest.raises(ConfigurationError) as error:
        load_corpus(write(corpus, entries))
    for problem in ("missing.wav: there is no", "outside.wav: lies outside", "changed.wav: its"):
        assert problem in str(error.value)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([{"text": "boats"}, {"file": "a"}], "0.file: Field required; 1.text: Field required"),
        ([{"file": "a", "text": "b", "sha256": "x"}], "0.sha256"),
        ([{"file": "a", "text": "b", "speech_spans": [[1]]}], "0.speech_spans"),
        ({"clips": []}, "is no manifest"),
        ([], "names no clips"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_fields(
    tmp_path: Path, entries: object, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        load_corpus(write(tmp_path, entries))


def test_a_folder_without_manifest_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no corpus in .*No such file"):
        load_corpus(tmp_path)
