"""Silero's voice detector, from the ONNX file that the faster-whisper wheel carries."""

from importlib.resources import as_file, files
from typing import Any

import numpy as np
import onnxruntime

from app.emulator.audio import Samples
from app.emulator.engine.segmenter import FRAME

_CONTEXT = 64  # samples of the frame before that the model wants in front, at 16 kHz
_STATE = (1, 1, 128)


class SpeechDetector:
    """The model, shared by all streams."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        # One frame takes 0.07 ms; more threads would only wait for each other.
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        with as_file(files("faster_whisper") / "assets" / "silero_vad_v6.onnx") as path:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )

    def run(self, inputs: dict[str, Any]) -> list[Any]:
        """Run one step of the network."""
        return list(self._session.run(None, inputs))


class SpeechGate:
    """The detector's memory of one stream.

    Frames go through one at a time: with a batch the sums are formed in another order, and the
    probabilities would depend on how the client cut its audio.

    Args:
        detector: The shared model.
    """

    def __init__(self, detector: SpeechDetector) -> None:
        self._detector = detector
        self._hidden = np.zeros(_STATE, np.float32)
        self._cell = np.zeros(_STATE, np.float32)
        self._input = np.zeros((1, _CONTEXT + FRAME), np.float32)

    def probability(self, frame: Samples) -> float:
        """Return the probability of speech, 0..1, in the next `FRAME` samples."""
        self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
        self._input[0, _CONTEXT:] = frame
        output, self._hidden, self._cell = self._detector.run(
            {"input": self._input, "h": self._hidden, "c": self._cell}
        )
        return float(output[0])
