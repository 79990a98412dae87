"""What NVIDIA's ASR example scripts ask of a server, asked through their own client library.

The scripts are those of nvidia-riva/python-clients, scripts/asr; the requests here are theirs, made
by the calls that they make of `riva.client`, and what they print is printed by its functions.
Without a microphone, `transcribe_mic.py` gets its samples from a recording. Left out:
`realtime_asr_client.py`, which speaks to a NIM's WebSocket and not to gRPC. That a live NIM answers
alike is not proved (docs/unverified.md).
"""

import io
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import riva.client
import soundfile
from riva.client.proto import riva_asr_pb2 as asr

from ops.qa.wer import count_errors
from tests.app.emulator.test_process import started
from tests.support.recognisers.speech import FIXTURES, clips, golden, pcm
from tests.support.words import bare

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(300)]

(CLIP,) = (clip for clip in clips() if clip.id == "accent_gb_f")
WORDS = golden(CLIP.id).transcript
CHUNK_FRAMES = 1600
"""`--file-streaming-chunk` of the scripts unless they are told otherwise."""


@pytest.fixture(scope="module")
def service() -> Iterator[riva.client.ASRService]:
    with started("--tags-selector", "mode=all") as emulator:
        port = emulator.event("ready")["grpc_port"]
        yield riva.client.ASRService(riva.client.Auth(uri=f"localhost:{port}"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same sentence in the formats that the scripts are given."""
    folder = tmp_path_factory.mktemp("recordings")
    samples, rate = pcm(FIXTURES / CLIP.file)
    kinds = {"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "opus": ("OGG", "OPUS")}
    for name, (form, subtype) in kinds.items():
        soundfile.write(folder / name, samples, rate, format=form, subtype=subtype)
    return {name: folder / name for name in kinds}


def plain_config(**more: Any) -> riva.client.RecognitionConfig:  # noqa: ANN401 - protobuf's
    """What all of them set; none names a rate or an encoding unless it says so in `more`."""
    return riva.client.RecognitionConfig(
        language_code="en-US",
        model="",
        max_alternatives=1,
        profanity_filter=False,
        enable_automatic_punctuation=True,
        verbatim_transcripts=True,
        **more,
    )


def with_every_option(config: Any) -> Any:  # noqa: ANN401 - protobuf's
    riva.client.add_word_boosting_to_config(config, ["Perch"], 4.0)
    riva.client.add_speaker_diarization_to_config(config, True, 3)
    riva.client.add_endpoint_parameters_to_config(config, 300, 0.2, 800, 400, 0.98, 0.9)
    riva.client.add_custom_configuration_to_config(config, "enable_vad_endpointing:true")
    return config


def streamed(
    service: riva.client.ASRService,
    recording: Path,
    config: riva.client.RecognitionConfig,
    **printing: Any,  # noqa: ANN401 - the library's
) -> str:
    """What `print_streaming` prints of a file that is sent as it lies on the disk."""
    streaming = riva.client.StreamingRecognitionConfig(config=config, interim_results=True)
    printed = io.StringIO()
    with riva.client.AudioChunkFileIterator(recording, CHUNK_FRAMES) as chunks:
        riva.client.print_streaming(
            responses=service.streaming_response_generator(chunks, streaming),
            output_file=printed,
            **printing,
        )
    return printed.getvalue()


def same_words(printed: str) -> bool:
    return count_errors(WORDS, printed).total == 0


def finals(printed: str) -> str:
    return " ".join(line[3:] for line in printed.splitlines() if line.startswith("## "))


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) for kind in ("wav", "flac")] + ["opus"]
)
def test_transcribe_file_names_neither_rate_nor_encoding_and_gets_the_words(
    service: riva.client.ASRService, recordings: dict[str, Path], kind: str
) -> None:
    heard = finals(streamed(service, recordings[kind], plain_config()))
    limit = 0 if kind != "opus" else 4  # what a codec costs a small recogniser
    assert count_errors(WORDS, heard).total <= limit, heard


@pytest.mark.slow
def test_transcribe_file_with_all_of_its_options_prints_times_of_words(
    service: riva.client.ASRService, recordings: dict[str, Path]
) -> None:
    printed = streamed(
        service,
        recordings["wav"],
        with_every_option(plain_config(enable_word_time_offsets=True)),
        additional_info="time",
        word_time_offsets=True,
        speaker_diarization=True,
    )
    table = printed.partition("Timestamps:\n")[2].splitlines()
    assert table[0].split()[:3] == ["Word", "Start", "(ms)"]
    first = table[1].split()
    assert bare(first[0]) == bare(WORDS)[:1]
    assert 0 <= int(first[1]) < int(first[2]) <= 1000 * CLIP.seconds


@pytest.mark.slow
def test_an_older_transcribe_file_names_both_and_sends_the_header_all_the_same(
    service: riva.client.ASRService, recordings: dict[str, Path]
) -> None:
    config = plain_config(encoding=riva.client.AudioEncoding.LINEAR_PCM)
    riva.client.add_audio_file_specs_to_config(config, recordings["wav"])
    assert config.sample_rate_hertz == CLIP.sample_rate
    printed = streamed(service, recordings["wav"], config, additional_info="confidence")
    assert same_words(finals(printed)), printed
    assert "Confidence:" in printed


@pytest.mark.parametrize("kind", ["wav", pytest.param("flac", marks=pytest.mark.slow)])
def test_transcribe_file_offline_sends_a_whole_file_and_gets_the_words(
    service: riva.client.ASRService, recordings: dict[str, Path], kind: str
) -> None:
    config = with_every_option(plain_config(enable_word_time_offsets=True))
    answer = service.offline_recognize(recordings[kind].read_bytes(), config)
    with redirect_stdout(io.StringIO()) as printed:
        riva.client.print_offline(answer, speaker_diarization=True)
    heard = printed.getvalue().partition("Final transcript: ")[2]
    assert same_words(" ".join(one.alternatives[0].transcript for one in answer.results))
    assert heard.strip()


@pytest.mark.slow
def test_riva_streaming_asr_client_sends_a_file_again_and_again_from_several_threads(
    service: riva.client.ASRService, recordings: dict[str, Path]
) -> None:
    printed: list[str] = []

    def client() -> None:
        printed.extend(
            streamed(service, recordings["wav"], plain_config(), additional_info="time")
            for _ in range(2)
        )

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    transcripts = [
        " ".join(
            line.partition("Transcript 0: ")[2]
            for line in one.splitlines()
            if "Transcript 0: " in line
        )
        for one in printed
    ]
    assert len(transcripts) == 4
    assert all(map(same_words, transcripts)), transcripts


def test_a_client_of_the_bare_stub_gets_its_finals(
    service: riva.client.ASRService, recordings: dict[str, Path]
) -> None:
    def requests() -> Iterator[Any]:
        config = asr.RecognitionConfig(
            language_code="en-US",
            max_alternatives=1,
            profanity_filter=True,
            enable_automatic_punctuation=True,
        )
        streaming = asr.StreamingRecognitionConfig(config=config, interim_results=False)
        yield asr.StreamingRecognizeRequest(streaming_config=streaming)
        # 100 frames: the header itself comes in the first message, and little else.
        for chunk in riva.client.AudioChunkFileIterator(recordings["wav"], 100):
            yield asr.StreamingRecognizeRequest(audio_content=chunk)

    results = [
        result
        for response in service.stub.StreamingRecognize(requests())
        for result in response.results
    ]
    assert all(result.is_final for result in results)
    assert same_words(" ".join(result.alternatives[0].transcript for result in results))


@pytest.mark.slow
def test_transcribe_mic_sends_samples_and_says_what_they_are(
    service: riva.client.ASRService,
) -> None:
    samples, rate = pcm(FIXTURES / CLIP.file)
    config = plain_config(
        encoding=riva.client.AudioEncoding.LINEAR_PCM,
        sample_rate_hertz=rate,
        audio_channel_count=1,
    )
    chunks = (
        samples[start : start + CHUNK_FRAMES].tobytes()
        for start in range(0, len(samples), CHUNK_FRAMES)
    )
    streaming = riva.client.StreamingRecognitionConfig(config=config, interim_results=True)
    printed = io.StringIO()
    riva.client.print_streaming(
        responses=service.streaming_response_generator(chunks, streaming),
        output_file=printed,
        show_intermediate=True,
    )
    assert same_words(finals(printed.getvalue())), printed.getvalue()


@pytest.mark.parametrize("kind", ["online", "offline"])
def test_list_models_finds_the_model_under_its_language(
    service: riva.client.ASRService, kind: str
) -> None:
    answer = service.stub.GetRivaSpeechRecognitionConfig(asr.RivaSpeechRecognitionConfigRequest())
    found = {
        model.parameters["language_code"]: model.model_name
        for model in answer.model_config
        if model.parameters["type"] == kind
    }
    assert list(found) == ["en-US"]
    assert found["en-US"].startswith("parakeet-")
