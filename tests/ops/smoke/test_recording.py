"""Which recording `perch smoke` has recognised, and where its words are found."""

from pathlib import Path

import pytest

from ops.console.errors import ConfigurationError
from ops.smoke import recording


def test_a_recording_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no recording .*name a WAV, FLAC"):
        recording.find(tmp_path / "missing.wav")


def test_the_words_of_a_recording_are_found_beside_it_or_in_the_manifest(tmp_path: Path) -> None:
    assert "River Street" in str(recording.find(None).reference)
    copy = tmp_path / "speech.flac"
    copy.write_bytes(recording.DEFAULT.read_bytes())
    assert recording.find(copy).reference is None
    (tmp_path / "manifest.json").write_text('[{"file": "speech.flac", "text": "from manifest"}]')
    assert recording.find(copy).reference == "from manifest"
    (tmp_path / "speech.txt").write_text("from beside\n", encoding="utf-8-sig")
    assert recording.find(copy).reference == "from beside"


@pytest.mark.parametrize("manifest", ["{", "7", "[7]", '[{"file": "speech.flac"}]', "[" * 10_000])
def test_a_manifest_that_is_somebody_elses_says_nothing(tmp_path: Path, manifest: str) -> None:
    copy = tmp_path / "speech.flac"
    copy.write_bytes(recording.DEFAULT.read_bytes())
    (tmp_path / "manifest.json").write_text(manifest)
    assert recording.find(copy).reference is None


def test_words_that_are_no_text_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "speech.flac"
    copy.write_bytes(recording.DEFAULT.read_bytes())
    (tmp_path / "speech.txt").write_bytes("für".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"speech\.txt is no text in UTF-8; save it so"):
        recording.find(copy)
