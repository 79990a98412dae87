"""The two files that the CLI reads of a project, written into a folder of one run.

The Automation API knows no `stackConfigDir` (pulumi 3.272, `LocalWorkspace`), so the stack's file
comes to lie beside Pulumi.yaml.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from ops.offline.engine.project import StackProject

_ENCRYPTED: Final = re.compile(
    r"^(?:encryptedkey|encryptionsalt|secretsprovider):|\bsecure:", re.MULTILINE
)
"""What only the stack's own secrets provider can read."""

_SALT: Final = "encryptionsalt"
"""What the run's own secrets provider keeps in the stack's file."""


def write_project(folder: Path, project: StackProject) -> None:
    """Write Pulumi.yaml: where the program lies and what runs it is left out.

    The program is handed over in this process, and the stack's file lies beside this one.
    """
    content = dict(_read(project.root / "Pulumi.yaml"))
    for key in ("main", "stackConfigDir"):
        content.pop(key, None)
    content["runtime"] = "python"
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def write_stack(folder: Path, project: StackProject, *, changed: bool) -> dict[str, str]:
    """Write the stack's file, and return the secrets that are still to be put into it.

    A file that needs no change is copied: then the engine's own reader has it, byte by byte. Else
    its values are written as the engine would hand them to the program.

    Args:
        folder: Where Pulumi.yaml is.
        project: The stack, with what was laid over its file.
        changed: Whether anything was laid over it.

    Returns:
        Key -> plain text of the secret ones.
    """
    file = folder / f"Pulumi.{project.stack}.yaml"
    salt = _read(file).get(_SALT)
    if not changed and salt is None and not _ENCRYPTED.search(_text(project.file)):
        shutil.copyfile(project.file, file)
        return {}
    plain = {key: value for key, value in project.config.items() if key not in project.secret_keys}
    content: dict[str, Any] = {"config": plain}
    if salt is not None:
        content[_SALT] = salt
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return {key: project.config[key] for key in sorted(project.secret_keys)}


def _read(file: Path) -> Mapping[str, Any]:
    content = yaml.safe_load(_text(file)) if file.is_file() else None
    return content if isinstance(content, dict) else {}


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
