"""Speech quality: word error rates over recordings whose words are known."""

from ops.qa.command import command

__all__ = ["command"]
