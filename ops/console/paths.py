"""Where things lie: the project, and the folder of a stack that runs on this machine."""

from pathlib import Path

from ops.console.errors import ConfigurationError


def _standing_in() -> Path | None:
    """Return the working folder, None where it was deleted meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def project_root() -> Path:
    """Return the folder of Pulumi.yaml: the nearest above, else the checkout perch runs from.

    Raises:
        ConfigurationError: There is none, as when the wheel is installed and no checkout is near.
    """
    here = _standing_in()
    above = () if here is None else (here, *here.parents)
    for folder in (*above, Path(__file__).resolve().parents[2]):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise ConfigurationError(
        f"no Pulumi.yaml in {here or 'the working folder, which is gone,'} or above it; "
        "run this inside a checkout of Perch"
    )


def usual_state_folder(stack: str) -> Path:
    """Return the folder in which ``perch up`` keeps a stack unless it is told another."""
    return project_root() / ".perch" / stack


def state_folder(stack: str, chosen: Path | None = None) -> Path:
    """Return the folder in which ``perch up`` keeps a stack.

    Args:
        stack: Name of the stack.
        chosen: Folder given by the person; None for the checkout's own.

    Raises:
        ConfigurationError: There is nothing that it could be relative to.
    """
    if chosen is None:
        return usual_state_folder(stack)
    here = _standing_in()
    if here is None and not chosen.is_absolute():
        raise ConfigurationError(
            f"--state-dir {chosen} is in a folder that is gone; change to one that exists"
        )
    return chosen if here is None else here / chosen
