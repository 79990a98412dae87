"""Readers of containers, one module a family: where the samples lie and what they are.

Plain samples come down to a `Layout` (AIFF, CAF and AU; WAV and W64; SPHERE); of MP3 and Ogg the
frames and pages of one stream are picked out. Nothing here decodes.
"""
