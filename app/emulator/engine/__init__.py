"""Whisper on a CPU as a streaming recogniser: gate, segments, decoding."""
