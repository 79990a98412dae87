"""Limits at which somebody is told: alarms, alerts and dashboards draw them alike."""

from typing import Final

FULL_SHARE: Final = 0.9
"""Of the session slots, taken: new sessions will soon be refused."""
GPU_MEMORY_SHARE: Final = 0.97
"""Of a GPU's memory, used: the recogniser's next allocation may fail."""
DISK_FREE_GB: Final = 20
"""Gigabytes (1e9 bytes) that a pull or a model build needs."""
SECRET_DAYS: Final = 365
"""Days after which a secret that nobody has replaced is due: a year, as the certificates of the
environment's own authority have."""
CERTIFICATE_DAYS: Final = 30
"""Days before the end of a certificate that should have renewed itself."""
