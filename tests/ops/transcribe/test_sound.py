"""What `perch transcribe` takes as sound, and what it says of sound that is not whole."""

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner

from app.recordings import ACCEPTED, read_recording
from ops.transcribe.command import command
from tests.support.recordings.making import encoded, piped, promising, speech_like
from tests.support.recordings.ways import Stage, a_stage, run_command

PERCH = Path(sys.executable).with_name("perch")
RATE = 16_000
SOUND = speech_like(0.6, RATE)
FLAC = encoded(SOUND, RATE, "FLAC", "PCM_16")
ENDLESS_FLAC = FLAC[:21] + bytes([FLAC[21] & 0xF0]) + bytes(4) + FLAC[26:]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_flac_of_unknown_length_is_taken_on_standard_input(stage: Stage) -> None:
    def run() -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [PERCH, "transcribe", "-", "--url", stage.gateway.url, "--json"],
            input=ENDLESS_FLAC,
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert stage.listener is not None
    stage.listener.streams.clear()
    done = await asyncio.to_thread(run)
    assert (done.returncode, done.stderr) == (0, b"")
    said = json.loads(done.stdout)
    assert (said["audio_seconds"], said["warnings"]) == (0.6, [])
    assert bytes(stage.listener.streams[0].pcm) == read_recording(FLAC).data


@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_shell_puts_in_place_of_a_command_is_taken(stage: Stage) -> None:
    """`perch transcribe <(ffmpeg ...)` is a path like /dev/fd/63."""
    assert stage.listener is not None
    stage.listener.streams.clear()
    data = encoded(speech_like(0.5, 96_000), 96_000, "WAV", "PCM_24")
    with piped(data) as pipe:
        run = await run_command(stage, Path(f"/dev/fd/{pipe.fileno()}"))
    assert run.exit_code == 0, run.output
    assert bytes(stage.listener.streams[0].pcm) == read_recording(data).data


@pytest.mark.asyncio(loop_scope="module")
async def test_a_recording_that_is_not_whole_is_heard_and_what_is_missing_is_said(
    stage: Stage, tmp_path: Path
) -> None:
    path = tmp_path / "killed.wav"
    path.write_bytes(promising("WAV", SOUND, RATE, 9.8))
    run = await run_command(stage, path)
    assert run.exit_code == 0, run.output
    missing, nothing = run.stderr.splitlines()
    assert missing == (
        f"perch: {path}: It ends after 0.6 s, 9.2 s before its header says; what is there was read."
    )
    assert nothing == "perch: nothing was heard"


def test_a_pipe_is_let_go_of_when_there_is_nobody_to_speak_to() -> None:
    with piped(FLAC) as pipe:
        path = f"/dev/fd/{pipe.fileno()}"
        failed = CliRunner().invoke(command, [path, "--url", "ws://127.0.0.1:9"])
    assert failed.exit_code == 1
    assert failed.stderr.startswith("perch: cannot connect to ws://127.0.0.1:9")
    gc.collect(1)  # what was left open warns, and warnings are errors


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (
            b"wvpk" + bytes(60),
            f"cannot be decoded; accepted: {ACCEPTED}; it seems to be WavPack; to convert",
        ),
        (b"", "is empty; accepted: WAV"),
        (bytes(4000), "cannot be decoded; accepted: WAV"),
    ],
    ids=["another kind", "nothing", "no header"],
)
@pytest.mark.parametrize("way", ["file", "fifo"])
def test_what_cannot_be_decoded_is_named_with_what_to_do(
    head: bytes, sentence: str, way: str, tmp_path: Path
) -> None:
    path = tmp_path / "talk"
    if way == "file":
        path.write_bytes(head)
        failed = CliRunner().invoke(command, [str(path), "--url", "ws://127.0.0.1:9"])
    else:
        with piped(head) as pipe:
            path = Path(f"/dev/fd/{pipe.fileno()}")
            failed = CliRunner().invoke(command, [str(path), "--url", "ws://127.0.0.1:9"])
    assert failed.exit_code in {1, 2}
    assert failed.stderr.startswith(f"perch: {path} {sentence}")
    assert failed.stderr.count("\n") == 1


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    failed = CliRunner().invoke(command, [str(tmp_path), "--url", "ws://127.0.0.1:9"])
    assert (failed.exit_code, failed.stderr) == (
        2,
        f"perch: {tmp_path} is a folder; name a recording in it\n",
    )


def test_a_terminal_is_not_listened_to() -> None:
    master, terminal = os.openpty()
    try:
        done = subprocess.run(
            [PERCH, "transcribe", "-", "--url", "ws://127.0.0.1:9"],
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(master)
        os.close(terminal)
    assert done.returncode == 2
    assert done.stderr.startswith("perch: standard input is a terminal; send sound into it: ")
