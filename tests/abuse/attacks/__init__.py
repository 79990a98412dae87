"""The attacks; `python -m tests.abuse.attacks NAME` is one of them as a process.

Each uses what one ordinary machine has, and stops by itself.
"""

from tests.abuse.attacks import control, frames, http
from tests.abuse.attacks.tally import ATTACKS, Tally

__all__ = ["ATTACKS", "Tally", "control", "frames", "http"]
