"""Recordings: `recognition` recognises a whole one, `audio` decodes it while it is sent."""
