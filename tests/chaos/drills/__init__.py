"""Rotation drills: certificates, authorities, keys and tokens change while people speak."""
