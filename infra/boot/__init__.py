"""What a GPU machine does when it starts: cloud-init user data, systemd units and host scripts."""

from infra.boot.render import (
    CODE_BYTES,
    MAX_USER_DATA_BYTES,
    SETTINGS_BYTES,
    UserDataTooLargeError,
    read_user_data,
    render_user_data,
    settings_size,
)
from infra.boot.settings import MachineSettings, MachineSettingsError, machine_settings

__all__ = [
    "CODE_BYTES",
    "MAX_USER_DATA_BYTES",
    "SETTINGS_BYTES",
    "MachineSettings",
    "MachineSettingsError",
    "UserDataTooLargeError",
    "machine_settings",
    "read_user_data",
    "render_user_data",
    "settings_size",
]
