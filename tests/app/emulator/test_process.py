"""The emulator as a process, spoken to by NVIDIA's own client. Decodes a few seconds of speech."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import riva.client

from ops.qa.wer import count_errors
from tests.support.cases import few
from tests.support.recognisers.speech import FIXTURES, clips, golden, pcm

pytestmark = pytest.mark.xdist_group("engine")

DEADLINE = 60  # s; a busy machine takes long to load a model


class Running:
    """A started emulator and what it printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def event(self, name: str) -> dict[str, Any]:
        """Read lines until the named event comes."""
        output = self.process.stdout
        assert output is not None
        for line in output:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"the emulator ended before it said {name}: {self.errors()}")

    def errors(self) -> str:
        """What it wrote to standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def stop(self) -> int:
        """Ask it to end, and wait for its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)


@contextlib.contextmanager
def started(*options: str) -> Iterator[Running]:
    with subprocess.Popen(
        [sys.executable, "-m", "app.emulator", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        alarm = threading.Timer(DEADLINE, process.kill)
        alarm.start()
        try:
            yield Running(process)
        finally:
            alarm.cancel()
            process.kill()


def service(event: dict[str, Any]) -> riva.client.ASRService:
    return riva.client.ASRService(riva.client.Auth(uri=f"127.0.0.1:{event['grpc_port']}"))


def config(rate: int) -> riva.client.StreamingRecognitionConfig:
    return riva.client.StreamingRecognitionConfig(
        config=riva.client.RecognitionConfig(
            encoding=riva.client.AudioEncoding.LINEAR_PCM,
            sample_rate_hertz=rate,
            language_code="en-US",
            enable_automatic_punctuation=True,
            enable_word_time_offsets=True,
        ),
        interim_results=True,
    )


def test_nvidias_own_client_streams_recordings_and_gets_their_words() -> None:
    wanted = [clip for clip in clips() if clip.id in {"accent_gb_f", "mic48k_us_m"}]
    with started() as emulator:
        asr = service(emulator.event("ready"))
        for clip in wanted:
            samples, rate = pcm(FIXTURES / clip.file)
            step = rate // 10
            chunks = (samples[at : at + step].tobytes() for at in range(0, len(samples), step))
            results = [
                result
                for response in asr.streaming_response_generator(chunks, config(rate))
                for result in response.results
            ]
            finals = [result.alternatives[0] for result in results if result.is_final]
            transcript = " ".join(final.transcript for final in finals)
            assert count_errors(golden(clip.id).transcript, transcript).total == 0
            words = [word for final in finals for word in final.words]
            assert " ".join(word.word for word in words) == transcript
            assert 0 < words[-1].end_time <= 1000 * clip.seconds
        assert emulator.stop() == 0


@pytest.mark.slow
def test_nvidias_own_client_has_files_of_every_encoding_recognised() -> None:
    with started("--tags-selector", "mode=ofl") as emulator:
        asr = service(emulator.event("ready"))
        for name, encoding in (
            ("tel8k_ulaw_gb_m.wav", "MULAW"),
            ("tel8k_us_f.flac", "FLAC"),
        ):
            (clip,) = (clip for clip in clips() if clip.file == name)
            answer = asr.offline_recognize(
                (FIXTURES / name).read_bytes(),
                riva.client.RecognitionConfig(
                    encoding=riva.client.AudioEncoding.Value(encoding),
                    sample_rate_hertz=8000,
                    language_code="en-US",
                ),
            )
            heard = " ".join(result.alternatives[0].transcript for result in answer.results)
            assert heard == heard.lower()
            rate = count_errors(clip.text, heard).rate
            assert rate is not None
            assert rate <= 0.12, heard


def test_it_is_reachable_and_not_ready_while_it_loads() -> None:
    with started("--engine", "none", "--loading-seconds", "3600") as emulator:
        listening = emulator.event("listening")
        url = f"http://127.0.0.1:{listening['http_port']}/v1/health"
        assert httpx.get(f"{url}/live").status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 503
        assert emulator.stop() == 0


def test_a_script_from_a_file_can_kill_the_process_in_the_middle_of_a_stream(
    tmp_path: Path,
) -> None:
    script = tmp_path / "script.json"
    fault = {"do": "kill", "what": "process", "after": {"audio_seconds": 0}}
    script.write_text(json.dumps({"streams": [{"fault": fault}]}), encoding="utf-8")
    with started("--engine", "none", "--script", str(script)) as emulator:
        asr = service(emulator.event("ready"))
        with pytest.raises(Exception, match="UNAVAILABLE"):
            list(asr.streaming_response_generator([bytes(3200)] * 3, config(16_000)))
        assert emulator.process.wait(DEADLINE) == -signal.SIGKILL


WRONG: Final = (
    (
        ["--grpc-port", "70000", "--when-full", "explode"],
        ["grpc_port: Input should be less", "when_full: Input should be 'queue' or 'refuse'"],
    ),
    (["--model-dir", "/nowhere/at/all"], ["model_dir /nowhere/at/all is not a folder"]),
    (["--script", "/nowhere/at/all"], ["'/nowhere/at/all' does not exist"]),
    (["--script", os.devnull], ["/dev/null is no script", "Invalid JSON"]),
)


@pytest.mark.parametrize("wrong", few(WRONG, WRONG[:1]))
def test_wrong_options_are_all_named_and_nothing_starts(
    wrong: tuple[list[str], list[str]],
) -> None:
    options, problems = wrong
    with started(*options) as emulator:
        assert emulator.process.wait(DEADLINE) == 2
        said = emulator.errors()
        for problem in problems:
            assert problem in said


def test_a_missing_model_is_said_in_one_sentence(tmp_path: Path) -> None:
    with started("--model-dir", str(tmp_path)) as emulator:
        assert emulator.process.wait(DEADLINE) == 1
        assert "lacks model.bin, config.json, tokenizer.json" in emulator.errors()
