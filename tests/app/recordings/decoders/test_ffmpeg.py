"""Containers that only ffmpeg knows, made and decoded by the real program."""

import io
import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.recordings import RecordingError, RecordingLimits, open_recording, read_recording
from app.recordings.errors import RecordingProblem
from tests.support.recordings.making import speech_like
from tests.support.tools import need

pytestmark = pytest.mark.tool

RATE = 16_000
SECONDS = 2.0
# As the recorders of Chromium, Firefox' speech to text, Safari and telephones make them.
KINDS = {
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "mp4": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
    "aac": ["-c:a", "aac", "-f", "adts"],
}
# As memos of telephones are, and what most programs save: the index comes last.
INDEX_LAST = ["-c:a", "aac", "-f", "ipod"]


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    return need("ffmpeg", "ffmpeg")


def converted(ffmpeg: str, kind: str) -> bytes:
    wav = io.BytesIO()
    soundfile.write(wav, speech_like(SECONDS, RATE), RATE, format="WAV", subtype="PCM_16")
    command = [ffmpeg, "-loglevel", "error", "-i", "pipe:0", *KINDS[kind], "pipe:1"]
    return subprocess.run(command, input=wav.getvalue(), capture_output=True, check=True).stdout


@pytest.fixture(scope="session")
def files(ffmpeg: str) -> dict[str, bytes]:
    return {kind: converted(ffmpeg, kind) for kind in KINDS}


def likeness(data: bytes) -> float:
    """How alike the loudness over time of the decoded and the original is.

    Coders change the samples, and some begin a few frames late.
    """

    def loudness(samples: np.ndarray) -> np.ndarray:
        step = RATE // 100
        whole = len(samples) - len(samples) % step
        return np.asarray(np.abs(samples[:whole]).reshape(-1, step).mean(axis=1))

    heard = loudness(np.frombuffer(data, "<i2").astype(np.float64))
    spoken = loudness(speech_like(SECONDS, RATE))[:180]
    shifts = range(len(heard) - len(spoken))
    return max(float(np.corrcoef(heard[at : at + len(spoken)], spoken)[0, 1]) for at in shifts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_browsers_and_telephones_record_is_decoded(files: dict[str, bytes], kind: str) -> None:
    heard = read_recording(files[kind])
    assert heard.sample_rate == RATE
    assert heard.duration == pytest.approx(SECONDS, abs=0.15)
    # Coders bend what is no speech; another recording's would be near 0.
    assert likeness(heard.data) > 0.8


@pytest.fixture(scope="session")
def memo(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An M4A whose index is behind its sound, which no pipe can be given to write."""
    folder = tmp_path_factory.mktemp("memo")
    soundfile.write(folder / "memo.wav", speech_like(SECONDS, RATE), RATE)
    command = [ffmpeg, "-loglevel", "error", "-i", str(folder / "memo.wav"), *INDEX_LAST]
    subprocess.run([*command, str(folder / "memo.m4a")], check=True)
    return folder / "memo.m4a"


@pytest.mark.parametrize("held", ["on disk", "in memory", "behind other bytes"])
def test_an_mp4_with_its_index_at_the_end_is_decoded(memo: Path, held: str) -> None:
    data = memo.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    if held == "behind other bytes":
        file = io.BytesIO(b"before" + data)
        file.seek(6)
        heard = read_recording(file)
    else:
        heard = read_recording(memo if held == "on disk" else data)
    assert heard.duration == pytest.approx(SECONDS, abs=0.15)
    assert likeness(heard.data) > 0.8
    assert not heard.warnings


def test_sound_comes_out_of_a_pipe_before_its_end(files: dict[str, bytes]) -> None:
    reader, writer = os.pipe()
    webm = files["webm"]
    heard = threading.Event()

    def send() -> None:
        with open(writer, "wb", buffering=0) as pipe:  # noqa: PTH123 - a descriptor
            half = len(webm) * 3 // 4
            pipe.write(webm[:half])
            assert heard.wait(30)
            pipe.write(webm[half:])

    sender = threading.Thread(target=send)
    sender.start()
    with open(reader, "rb", buffering=0) as pipe, open_recording(pipe) as recording:  # noqa: PTH123
        blocks = recording.blocks(0.1)
        assert next(blocks)
        heard.set()
        rest = list(blocks)
    sender.join()
    assert rest
    assert recording.duration == pytest.approx(SECONDS, abs=0.15)


def test_a_recording_left_early_leaves_no_program_behind(files: dict[str, bytes]) -> None:
    with open_recording(files["webm"]) as recording:
        next(recording.blocks(0.1))
        assert "ffmpeg" in {child.name() for child in psutil.Process().children()}
    assert "ffmpeg" not in {child.name() for child in psutil.Process().children()}


def test_a_recording_longer_than_accepted_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(RecordingError) as refused:
        read_recording(files["webm"], RecordingLimits(max_seconds=1.0))
    assert refused.value.problem is RecordingProblem.TOO_LONG


def test_a_playlist_in_disguise_opens_no_other_file(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    (tmp_path / "secret.webm").write_bytes(files["webm"])
    playlist = f"#EXTM3U\n#EXTINF:2,\n{tmp_path}/secret.webm\n".encode()
    with pytest.raises(RecordingError) as refused:
        read_recording(files["webm"][:4] + playlist)
    assert refused.value.problem is RecordingProblem.UNREADABLE


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.floats(0.0, 1.0), kind=st.sampled_from(sorted(KINDS)), noise=st.binary(max_size=64))
def test_a_cut_or_damaged_one_gives_what_is_there_or_one_sentence(
    files: dict[str, bytes], cut: float, kind: str, noise: bytes
) -> None:
    whole = files[kind]
    place = 16 + int(cut * (len(whole) - 16))
    # Anything else than one of its own refusals would come through.
    with suppress(RecordingError):
        assert read_recording(whole[:place] + noise).duration <= SECONDS + 0.2
