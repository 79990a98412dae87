"""What every subject asks of the recogniser, so that all of them pay for the same work."""

from typing import Any

from riva.client.proto import riva_asr_pb2, riva_audio_pb2


def streaming_config() -> Any:  # noqa: ANN401 - generated
    """Return how every benchmarked stream is configured: 16 kHz mono PCM16, interims on."""
    return riva_asr_pb2.StreamingRecognitionConfig(
        config=riva_asr_pb2.RecognitionConfig(
            encoding=riva_audio_pb2.LINEAR_PCM,
            sample_rate_hertz=16000,
            language_code="en-US",
            enable_word_time_offsets=True,
            enable_automatic_punctuation=True,
        ),
        interim_results=True,
    )
