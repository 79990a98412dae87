"""From settings to the user data of a launch template."""

import base64
import gzip
from typing import Final

import yaml

from infra.boot.files import HostFile, host_files, settings_files, unit_names
from infra.boot.settings import MachineSettings

MAX_USER_DATA_BYTES: Final = 16_384
"""EC2's limit for user data, counted before base64 (EC2 User Guide, on instance user data)."""

SETTINGS_BYTES: Final = 3_000
"""Of that for what a stack says, compressed: its environment files and names. A third of it is
taken by what every stack says."""

CODE_BYTES: Final = 13_384
"""Of that for everything else: scripts and units of the largest of the machines' variants."""

# How cloud-init tells this kind of user data from a script.
_FIRST_LINE: Final = "#cloud-config\n"


class UserDataTooLargeError(ValueError):
    """The rendered user data is over EC2's limit, which only long gateway settings can cause."""


def render_user_data(settings: MachineSettings) -> str:
    """Return the user data of one colour's launch template, ready for its `user_data` argument.

    The same settings always give the same string, so an unchanged colour has no difference in a
    preview.

    Returns:
        Base64 of a gzipped `#cloud-config` document. cloud-init unpacks the gzip by itself;
        `read_user_data` shows it.

    Raises:
        UserDataTooLargeError: if the gzip is longer than `MAX_USER_DATA_BYTES`.
    """
    # A fixed time stamp, or every preview would show a change.
    packed = gzip.compress(cloud_config(settings).encode(), compresslevel=9, mtime=0)
    if len(packed) > MAX_USER_DATA_BYTES:
        raise UserDataTooLargeError(
            f"user data: {len(packed)} bytes gzipped, EC2 takes {MAX_USER_DATA_BYTES}; shorten "
            f"gateway_environment ({len(settings.gateway_environment)} entries)"
        )
    return base64.b64encode(packed).decode()


def settings_size(settings: MachineSettings) -> int:
    """Return how many bytes a machine's settings take in its user data at most.

    They are compressed by themselves here, which says before a deployment what fits.
    """
    texts = [
        file.content for file in settings_files(settings) if file.path.startswith("/etc/perch/")
    ]
    texts += settings.scrape_cidrs  # they stand in a unit
    return len(gzip.compress("".join(texts).encode(), compresslevel=9, mtime=0))


def read_user_data(user_data: str) -> str:
    """Return the `#cloud-config` text inside a string that `render_user_data` made.

    Raises:
        ValueError: if the string is not base64 of a gzipped `#cloud-config` in ASCII.
    """
    try:
        text = gzip.decompress(base64.b64decode(user_data, validate=True)).decode()
    except (EOFError, OSError, ValueError) as error:
        raise ValueError(f"user data: not made by render_user_data ({error})") from error
    if not (text.startswith(_FIRST_LINE) and text.isascii()):
        raise ValueError("user data: not made by render_user_data (no #cloud-config in ASCII)")
    return text


def cloud_config(settings: MachineSettings) -> str:
    """Return the `#cloud-config` document itself: files to write, then units to start."""
    units = unit_names(settings)
    document = {
        # Packages that change under a running driver leave it unusable until the next boot; a
        # machine is replaced by a newer AMI, never upgraded in place.
        "package_update": False,
        "package_upgrade": False,
        "write_files": [_entry(file) for file in host_files(settings)],
        "runcmd": [
            ["systemctl", "disable", "--now", "apt-daily.timer", "apt-daily-upgrade.timer"],
            ["systemd-sysusers", "/etc/sysusers.d/perch.conf"],
            ["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/perch.conf"],
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", *units],
            # Waited for: it may stop Docker, which would end whatever asks for it by then.
            ["systemctl", "start", "perch-store.service"],
            # Not waited for: units may take half an hour, and cloud-init is one of the things a
            # boot waits for.
            ["systemctl", "start", "--no-block", "perch.target"],
        ],
    }
    body: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1_000_000)
    return _FIRST_LINE + body


def _entry(file: HostFile) -> dict[str, str]:
    return {
        "path": file.path,
        "permissions": f"0{file.mode:o}",
        "owner": "root:root",
        "content": file.content,
    }


class _Dumper(yaml.CSafeDumper):
    """Writes text of several lines as it stands, so that a person can read the scripts.

    libyaml's: PyYAML's own in Python writes the same and takes a tenth of a preview.
    """


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
