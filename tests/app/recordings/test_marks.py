"""By which first bytes a recording, or what is none, is told, and what is said of it.

The bytes are those of the formats' own specifications and of `file`'s magic, written here a second
time so that a wrong one is noticed.
"""

import pytest

from app.recordings.errors import RecordingError
from app.recordings.formats import Container, container_of, is_text, name_of

DECODED = [
    (b"RIFF\0\0\0\0WAVE", "WAV", Container.RIFF),
    (b"RIFX\0\0\0\0WAVE", "WAV", Container.RIFF),
    (b"RF64\0\0\0\0WAVE", "WAV", Container.RIFF),
    (b"BW64\0\0\0\0WAVE", "WAV", Container.RIFF),
    (b"fLaC", "FLAC", Container.FLAC),
    (b"OggS", "OGG", Container.OGG),
    (b"FORM\0\0\0\0AIFF", "AIFF", Container.AIFF),
    (b"FORM\0\0\0\0AIFC", "AIFF", Container.AIFF),
    (b".snd", "AU", Container.AU),
    (b"dns.", "AU", Container.AU),
    (b"caff", "CAF", Container.CAF),
    (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "W64", Container.W64),
    (b"NIST_1A\n", "SPHERE", Container.SPHERE),
    (b"ID3", "MP3", Container.MPEG),
    # Eleven set bits, a version, and layer III, II or I.
    (b"\xff\xfb", "MP3", Container.MPEG),
    (b"\xff\xe3", "MP3", Container.MPEG),
    (b"\xff\xfd", "MP3", Container.MPEG),
    (b"\xff\xff", "MP3", Container.MPEG),
]
CONVERTIBLE = [
    (b"RIFF\0\0\0\0AVI ", "an AVI video"),
    (b"OggS" + bytes(24) + b"Speex   ", "Speex in Ogg"),
    (b"OggS" + bytes(24) + b"\x80theora", "a Theora video"),
    (b"OggS" + bytes(24) + b"fishead", "an Ogg video"),
    (b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (b"\0\0\0\x14ftypqt  ", "a QuickTime file"),
    (b"\0\0\0\x14ftypM4A ", "MP4 or M4A (AAC)"),
    (b"\0\0\0\x14moov", "a QuickTime file"),
    (b"ADIF", "AAC"),
    (b"\xff\xf1", "AAC"),
    (b"\xff\xf9", "AAC"),
    (b"#!AMR", "AMR"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"FLV\x01", "a Flash video"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"TTA1", "True Audio"),
    (b"MPCK", "Musepack"),
    (b"MP+", "Musepack"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSD"),
    (b"Creative Voice File\x1a", "VOC"),
    (b"\x0b\x77", "AC-3"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"\0\0\1\xba", "an MPEG video"),
    (b"\0\0\1\xb3", "an MPEG video"),
    (b"G" + bytes(187) + b"G", "an MPEG transport stream"),
]
NO_SOUND = [
    (b"RIFF\0\0\0\0WEBP", "a WebP picture"),
    (b"#!SILK", "SILK"),
    (b"\x02#!SILK", "SILK"),
    (b"MThd", "MIDI, which has notes and no sound"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b" \n<!DOCTYPE html>", "an HTML page"),
    (b"<html lang=en>", "an HTML page"),
    (b'<?xml version="1.0"?>', "XML"),
    (b'\t{"text": 1}', "JSON"),
    (b"[1, 2]", "JSON"),
    (b"yes, and then", "text"),
    (b"404 ~ not found\r\n", "text"),
]


@pytest.mark.parametrize(("head", "name", "container"), DECODED)
def test_what_is_decoded_is_told_by_its_first_bytes(
    head: bytes, name: str, container: Container
) -> None:
    assert (name_of(head), container_of(head)) == (name, container)


@pytest.mark.parametrize(("head", "name"), CONVERTIBLE)
def test_what_another_program_can_convert_is_refused_with_the_command(
    head: bytes, name: str
) -> None:
    assert name_of(head) == name
    with pytest.raises(RecordingError) as refused:
        container_of(head)
    assert f"it seems to be {name}; to convert it: ffmpeg -i FILE" in str(refused.value)


@pytest.mark.parametrize(("head", "name"), NO_SOUND)
def test_what_has_no_sound_in_it_is_refused_by_name(head: bytes, name: str) -> None:
    assert name_of(head) == name
    with pytest.raises(RecordingError) as refused:
        container_of(head)
    assert str(refused.value).endswith(f"it seems to be {name}")


@pytest.mark.parametrize(
    "head", [b"\xff", b"\xff\xe1", b"\xff\xdb", b"\xfe\xfb", b"G" + bytes(188), b"te\x7ft", b"\x1f"]
)
def test_bytes_that_only_resemble_a_mark_have_no_name(head: bytes) -> None:
    assert name_of(head) is None
    with pytest.raises(RecordingError, match="it has no header that names a format"):
        container_of(head)


def test_text_is_printable_and_not_empty() -> None:
    assert is_text(b" ~\t\r\n")
    assert not any(is_text(head) for head in (b"", b"\x1f", b"\x7f", b"\0", b"a\x80"))
