"""The objectives that a load is judged by: those of the service, as its alarms have them."""

from __future__ import annotations

from typing import Final

from infra.catalogue import objectives

FIRST_INTERIM_P95_S: Final = objectives.FIRST_INTERIM_S
"""Seconds from the beginning of speech to the first interim, for 95 of 100 sessions."""
FINAL_P95_S: Final = objectives.FINAL_S
"""Seconds from the end of speech to the last final, for 95 of 100 sessions."""
ERROR_SHARE: Final = objectives.ERROR_SHARE
"""Sessions that fail must be fewer than this share of all."""
LATE_S: Final = 0.05
"""A generator that is later than this, once in a hundred times or more often, measures itself.
It is half a message's length."""
