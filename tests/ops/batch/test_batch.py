"""`perch batch` over folders and buckets, with a real gateway before a scripted recogniser.

That real words come through whole is in test_speech.py.
"""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from ops.batch.command import command
from ops.batch.folder import Folder
from tests.ops.batch.conftest import BUCKET, batch, summary, wav
from tests.support.gateways.running import Running

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


def files_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


async def test_each_recording_gets_json_with_timed_words_and_what_else_was_asked_for(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    (source / "calls").mkdir(parents=True)
    (source / "a.wav").write_bytes(wav())
    (source / "calls" / "b c.wav").write_bytes(wav(seed=2))
    run = await batch(gateway, source, to, "--srt", "--vtt", "--txt", "--json")
    assert run.exit_code == 0, run.output
    assert files_of(to) == [
        f"{name}{ending}"
        for name in ("a.wav", "calls/b c.wav")
        for ending in (".json", ".srt", ".txt", ".vtt")
    ]
    heard = json.loads((to / "calls" / "b c.wav.json").read_text())
    assert (heard["text"], heard["audio_seconds"]) == ("hello world", 1.0)
    assert [final["words"] for final in heard["finals"]] == [
        [{"word": "hello", "start": 0.1, "end": 0.45, "confidence": 0.5, "speaker": None}],
        [{"word": "world", "start": 0.6, "end": 0.9, "confidence": None, "speaker": None}],
    ]
    assert heard["recording"]["name"] == "calls/b c.wav"
    assert heard["recording"]["size"] == len(wav())
    assert (to / "a.wav.txt").read_text() == "hello\nworld\n"
    assert (to / "a.wav.srt").read_text().startswith("1\n00:00:00,100 --> ")
    assert (to / "a.wav.vtt").read_text().startswith("WEBVTT\n\n00:00:00.100 --> ")
    said = summary(run)
    assert (said["heard"], said["recordings"], said["left"]) == (2, 2, 0)
    assert (said["failures"], said["audio_seconds"], said["ended"]) == ([], 2.0, None)


async def test_what_has_its_result_is_not_heard_again_and_what_changed_is(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.wav", "b.wav"):
        (source / name).write_bytes(wav())
    assert (await batch(gateway, source, to)).exit_code == 0
    first = (to / "a.wav.json").read_bytes()
    again = await batch(gateway, source, to, "--json")
    assert (summary(again)["heard"], summary(again)["whole"]) == (0, 2)
    (source / "b.wav").write_bytes(wav(0.8, seed=3))
    changed = await batch(gateway, source, to, "--json")
    assert (summary(changed)["heard"], summary(changed)["whole"]) == (1, 1)
    assert (to / "a.wav.json").read_bytes() == first
    assert json.loads((to / "b.wav.json").read_text())["audio_seconds"] == 0.8
    # Other words may come of other options.
    asked = await batch(gateway, source, to, "--json", "--hotword", "hello")
    assert summary(asked)["heard"] == 2


async def test_captions_that_are_asked_for_later_are_made_of_what_was_heard(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.wav").write_bytes(wav())
    assert (await batch(gateway, source, to)).exit_code == 0
    # Nobody has to answer for that.
    later = await batch("ws://127.0.0.1:9/ws", source, to, "--vtt", "--json")
    assert (later.exit_code, summary(later)["whole"]) == (0, 1)
    assert "hello" in (to / "a.wav.vtt").read_text()


async def test_a_wrong_file_fails_alone_and_is_named(gateway: Running, tmp_path: Path) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "good.wav").write_bytes(wav())
    (source / "minutes.pdf").write_bytes(b"%PDF-1.7\n" + bytes(64))
    (source / "empty.wav").write_bytes(b"")
    (source / "\x1b[31mred.wav").write_bytes(b"no sound in here, sorry about that" * 4)
    run = await batch(gateway, source, to)
    assert run.exit_code == 1
    assert files_of(to) == ["good.wav.json"]
    assert "perch: minutes.pdf cannot be decoded; accepted: WAV" in run.stderr
    assert "it seems to be a PDF\n" in run.stderr
    assert "perch: empty.wav is empty; accepted: WAV" in run.stderr
    # A name is no way to write on a terminal.
    assert "\x1b" not in run.output
    assert "'\\x1b[31mred.wav' cannot be decoded" in run.stderr
    assert "1 of 4 recordings heard: 1 s of sound in" in run.stdout
    assert run.stdout[run.stdout.index("3 failed:\n") :].count("\n  ") == 3


async def test_a_bucket_is_read_and_written_and_gone_on_with(
    gateway: Running, s3: "S3Client"
) -> None:
    keys = ["in/a.wav", "in/é ü/b.wav", "in/c/../d.wav", "in//e.wav"]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=wav())
    s3.put_object(Bucket=BUCKET, Key="in/folder/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="other/f.wav", Body=wav())
    source, to = f"s3://{BUCKET}/in", f"s3://{BUCKET}/out/"
    run = await batch(gateway, source, to, "--json", "--txt")
    assert (run.exit_code, summary(run)["heard"]) == (0, 4), run.output
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]
    assert {one["Key"] for one in found} == {
        f"out/{key.removeprefix('in/')}{ending}" for key in keys for ending in (".json", ".txt")
    }
    result = s3.get_object(Bucket=BUCKET, Key="out/a.wav.json")
    assert result["ContentType"] == "application/json"
    heard = json.loads(result["Body"].read())
    assert heard["recording"]["etag"] == s3.head_object(Bucket=BUCKET, Key="in/a.wav")["ETag"]
    # The same bytes put there again are the same recording; others are another.
    s3.put_object(Bucket=BUCKET, Key="in/a.wav", Body=wav())
    s3.put_object(Bucket=BUCKET, Key="in//e.wav", Body=wav(0.7))
    again = await batch(gateway, source, to, "--json")
    assert (summary(again)["heard"], summary(again)["whole"]) == (1, 3)


async def test_keys_of_a_bucket_lead_nowhere_else_on_this_machine(
    gateway: Running, s3: "S3Client", tmp_path: Path
) -> None:
    for key in ("../../up.wav", "/root.wav", "a//b.wav", f"{'x' * 300}.wav", "./c.wav"):
        s3.put_object(Bucket=BUCKET, Key=f"in/{key}", Body=wav(0.2))
    to = tmp_path / "a" / "b" / "out"
    run = await batch(gateway, f"s3://{BUCKET}/in/", to, "--json")
    assert (run.exit_code, summary(run)["heard"]) == (0, 5), run.output
    assert len(files_of(to)) == 5
    assert files_of(tmp_path) == [f"a/b/out/{name}" for name in files_of(to)]
    again = await batch(gateway, f"s3://{BUCKET}/in/", to, "--json")
    assert summary(again)["whole"] == 5


async def test_results_among_their_recordings_are_no_recordings(
    gateway: Running, tmp_path: Path
) -> None:
    (tmp_path / "a.wav").write_bytes(wav())
    for to in (tmp_path, tmp_path / "results"):
        assert (await batch(gateway, tmp_path, to, "--srt")).exit_code == 0
        again = await batch(gateway, tmp_path, to, "--srt", "--json")
        assert (summary(again)["recordings"], summary(again)["whole"]) == (1, 1)


async def test_a_file_of_somebody_else_is_not_written_over(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    to.mkdir()
    (source / "a.wav").write_bytes(wav())
    (to / "a.wav.json").write_text('{"mine": true}')
    run = await batch(gateway, source, to)
    assert run.exit_code == 1
    assert "a.wav has no result: a.wav.json in " in run.stderr
    assert (to / "a.wav.json").read_text() == '{"mine": true}'


async def test_a_result_that_is_not_whole_is_made_anew(gateway: Running, tmp_path: Path) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.wav").write_bytes(wav())
    assert (await batch(gateway, source, to)).exit_code == 0
    whole = (to / "a.wav.json").read_bytes()
    # As a copy that was broken off leaves it.
    (to / "a.wav.json").write_bytes(whole[: len(whole) // 2])
    assert (await batch(gateway, source, to)).exit_code == 0
    assert json.loads((to / "a.wav.json").read_text())["text"] == "hello world"


async def test_two_recordings_never_share_a_result(
    gateway: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that takes A and a for one; by design no two names meet on others."""
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "A.wav").write_bytes(wav())
    (source / "a.wav").write_bytes(wav(0.5))
    monkeypatch.setattr(Folder, "name_for", lambda _, name: name.lower())
    run = await batch(gateway, source, to)
    assert run.exit_code == 1
    assert "a.wav has no result: that of 'A.wav' has the same name" in run.stderr
    assert json.loads((to / "a.wav.json").read_text())["recording"]["name"] == "A.wav"


async def test_what_would_be_heard_is_said_and_nothing_is_done(
    gateway: Running, tmp_path: Path
) -> None:
    source, to = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("a.wav", "b.mp3"):
        (source / name).write_bytes(wav())
    run = await batch(gateway, source, to, "--dry-run", "--only", "*.wav")
    assert run.exit_code == 0
    assert run.stdout.splitlines()[0] == "a.wav"
    assert not to.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nowhere", "out"], 2, "perch: IN is 'nowhere', which is no folder; accepted: "),
        (["s3://X/y", "out"], 2, "perch: IN is 's3://X/y'; accepted: s3://BUCKET/PREFIX, or"),
        ([".", "gs://bucket/x"], 2, "perch: OUT is 'gs://bucket/x'; accepted: s3://BUCKET/"),
        ([".", "out", "--leave", "1"], 2, "perch: --leave is 1; accepted: a part from 0 to "),
        ([".", "out", "--patience", "soon"], 2, "perch: --patience is 'soon'; accepted: "),
        ([".", "out", "--language", "en_US"], 2, 'perch: --language is "en_US"; accepted: '),
        ([".", "out", "--url", "wss://x", "--ca", "/none"], 2, "perch: ca is /none; accepted: "),
        ([".", "out"], 1, "perch: cannot connect to ws://127.0.0.1:9"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_sentence(
    arguments: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(wav())
    url = [] if "--url" in arguments else ["--url", "ws://127.0.0.1:9/ws"]
    failed = await asyncio.to_thread(CliRunner().invoke, command, [*arguments, *url])
    assert failed.exit_code == code, failed.output
    assert failed.stderr.startswith(sentence)
    assert failed.stderr.count("\n") == 1
