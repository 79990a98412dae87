"""Whisper on a CPU as a streaming recogniser.

`WhisperRecogniser` (in `recogniser`) gates audio by voice (`vad`), cuts it into segments
(`segmenter`), decodes each by Whisper (`decoder`) and cuts off what that says twice (`echo`);
`model` finds the files.
"""
