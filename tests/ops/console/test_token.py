"""Where commands take a bearer token from."""

from pathlib import Path

import pytest

from ops.console.errors import ConfigurationError
from ops.console.options import read_token, revealed
from ops.smoke import command as smoke


def test_a_token_comes_from_a_file_or_the_environment_and_never_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PERCH_TOKEN", raising=False)
    assert read_token(None) is None
    monkeypatch.setenv("PERCH_TOKEN", "from-environment")
    assert revealed(read_token(None)) == "from-environment"
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert revealed(read_token(file)) == "from-file"
    assert "from-file" not in f"{read_token(file)} {read_token(file)!r}"
    file.write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        read_token(file)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_token(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_token(tmp_path)
    for content in (b"two words", b"one\ntwo\n", "Schlüssel".encode(), b"\xff\xfe", b"nul\0"):
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=f"--token-file {file} does not hold a token"):
            read_token(file)
    monkeypatch.setenv("PERCH_TOKEN", "Schlüssel")
    with pytest.raises(ConfigurationError, match="the variable PERCH_TOKEN does not hold a token"):
        read_token(None)
    assert not {"--token"} & {
        option for parameter in smoke.command.params for option in parameter.opts
    }
