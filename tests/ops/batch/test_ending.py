"""How a run ends early, and that the next one goes on: Ctrl-C, no session, no token."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from ops.batch.slots import Readiness, UnknownSlotsError
from tests.ops.batch.conftest import batch, summary, wav
from tests.support.gateways.running import (
    Running,
    client,
    eventually,
    running_emulator,
    running_gateway,
    said_until,
    send,
)

PERCH = Path(sys.executable).with_name("perch")

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_ctrl_c_leaves_whole_results_alone_and_the_same_command_goes_on(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.wav").write_bytes(wav(0.3))
    (source / "b.wav").write_bytes(wav(90.0))
    # As slow as speech: the second is under way for longer than any test.
    async with (
        running_emulator() as emulator,
        running_gateway(
            emulator, audio_max_realtime_factor=1, audio_realtime_burst_s=0
        ) as slow_gateway,
    ):
        arguments = [source, to, "--url", f"{slow_gateway.url}/ws", "--at-once", "1", "--json"]
        process = await asyncio.create_subprocess_exec(
            PERCH,
            "batch",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await eventually((to / "a.wav.json").exists)
        await eventually(lambda: slow_gateway.gateway.admission.sessions == 1)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            stdout, stderr = await process.communicate()
        await eventually(lambda: slow_gateway.gateway.admission.sessions == 0)
    assert process.returncode == 130, stderr
    said = json.loads(stdout)
    assert (said["heard"], said["left"], said["ended"]) == (1, 1, "interrupted")
    assert stderr.decode().endswith("perch: interrupted\n")
    assert [path.name for path in to.rglob("*")] == ["a.wav.json"]
    whole = (to / "a.wav.json").read_bytes()
    again = await batch(gateway, source, to, "--json")
    assert (summary(again)["heard"], summary(again)["whole"]) == (1, 1)
    assert (to / "a.wav.json").read_bytes() == whole
    assert json.loads((to / "b.wav.json").read_text())["audio_seconds"] == 90.0


async def test_live_sessions_keep_their_part_and_the_run_says_what_is_lacking(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.wav").write_bytes(wav())
    async with (
        running_emulator() as emulator,
        running_gateway(emulator, ws_max_concurrent_sessions=2) as gateway,
        client(gateway) as live,
    ):
        await send(live, "start_transcription")
        await said_until(live, "session_started")
        run = await batch(gateway, tmp_path, tmp_path / "out", "--patience", "1s")
        assert run.exit_code == 1
        assert run.stderr.splitlines()[-1] == (
            "perch: no session for 1 s, which --patience sets: the gateway has 1 of 2 free, and 1 "
            "are kept free for live sessions"
        )
        assert "1 are left; the same command goes on" in run.stdout
        assert not (tmp_path / "out").exists()
        all_of_it = await batch(gateway, tmp_path, tmp_path / "out", "--leave", "0")
        assert all_of_it.exit_code == 0, all_of_it.output


async def test_a_token_that_is_lacking_is_said_once_and_nothing_is_tried(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav())
    async with (
        running_emulator() as emulator,
        running_gateway(emulator, app_auth_tokens="a-made-up-token-of-32-characters") as gateway,
    ):
        run = await batch(gateway, tmp_path, tmp_path / "out", "--json")
    assert run.exit_code == 1
    assert run.stderr.count("PERCH_TOKEN") == 1
    assert (summary(run)["heard"], summary(run)["left"]) == (0, 2)


async def test_one_at_a_time_is_heard_where_the_gateway_tells_no_slots(
    gateway: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_: Readiness) -> None:
        raise UnknownSlotsError

    monkeypatch.setattr(Readiness, "ask", nothing)
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav())
    run = await batch(gateway, tmp_path, tmp_path / "out")
    assert run.exit_code == 0
    assert "1 at a time are heard, which --at-once changes" in run.stderr
