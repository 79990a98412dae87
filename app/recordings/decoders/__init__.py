"""Decoders: libsndfile, and ffmpeg for what that does not know.

`open_sound` chooses one by the container and hands it out as `Opened`, at its first sample;
`open_by_ffmpeg` runs the program for the containers that `demuxer_of` names
(`is_ffmpegs`: whether it would, were there one).
"""

from .ffmpeg import demuxer_of, is_ffmpegs
from .opened import Opened
from .opening import open_by_ffmpeg, open_sound

__all__ = ["Opened", "demuxer_of", "is_ffmpegs", "open_by_ffmpeg", "open_sound"]
