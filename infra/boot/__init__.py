"""What a GPU machine does when it starts: cloud-init user data, systemd units and host scripts."""

from infra.boot.render import (
    MAX_USER_DATA_BYTES,
    UserDataTooLargeError,
    read_user_data,
    render_user_data,
)
from infra.boot.settings import MachineSettings, MachineSettingsError, machine_settings

__all__ = [
    "MAX_USER_DATA_BYTES",
    "MachineSettings",
    "MachineSettingsError",
    "UserDataTooLargeError",
    "machine_settings",
    "read_user_data",
    "render_user_data",
]
