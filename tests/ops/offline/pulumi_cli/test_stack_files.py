"""The files of a run, as the CLI will read them; tests/engine show that it does."""

from collections.abc import Callable
from pathlib import Path

import yaml

from ops.offline.engine.project import STAND_IN, load_project
from ops.offline.pulumi_cli.stack_files import write_project, write_stack


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "written"
    folder.mkdir()
    return folder


def test_a_plain_file_is_copied_byte_by_byte(
    tmp_path: Path, make_program: Callable[..., Path]
) -> None:
    root = make_program("", "aws:region: eu-west-1  # a remark\ndemo:at: 19:00\n")
    folder = _folder(tmp_path)
    assert write_stack(folder, load_project("one", root=root), changed=False) == {}
    assert (folder / "Pulumi.one.yaml").read_bytes() == (root / "Pulumi.one.yaml").read_bytes()


def test_what_only_the_stacks_own_provider_can_read_is_left_out(
    tmp_path: Path, make_program: Callable[..., Path]
) -> None:
    root = make_program("", "demo:key:\n  secure: AAAB\ndemo:plain: true\n")
    with (root / "Pulumi.one.yaml").open("a") as file:
        file.write("secretsprovider: awskms://alias/x\nencryptedkey: abcd\n")
    folder = _folder(tmp_path)
    held = write_stack(folder, load_project("one", root=root), changed=False)
    assert held == {"demo:key": STAND_IN}
    written = yaml.safe_load((folder / "Pulumi.one.yaml").read_text())
    assert written == {"config": {"demo:plain": "true"}}


def test_changed_configuration_is_written_and_the_runs_own_salt_is_kept(
    tmp_path: Path, make_program: Callable[..., Path]
) -> None:
    root, folder = make_program("", "demo:a:\n  b: 1\n  c: on\n"), _folder(tmp_path)
    (folder / "Pulumi.one.yaml").write_text("encryptionsalt: v1:salt\n")
    project = load_project("one", root=root, overrides={"a": {"b": 2}})
    write_stack(folder, project, changed=True)
    written = yaml.safe_load((folder / "Pulumi.one.yaml").read_text())
    assert written == {
        "encryptionsalt": "v1:salt",
        "config": {"demo:a": '{"b":2,"c":"on"}'},
    }


def test_the_project_lies_where_its_files_do(
    tmp_path: Path, make_program: Callable[..., Path]
) -> None:
    root = make_program("", project="name: demo\nruntime: python\nstackConfigDir: elsewhere\n")
    (root / "elsewhere").mkdir()
    (root / "Pulumi.one.yaml").rename(root / "elsewhere" / "Pulumi.one.yaml")
    folder = _folder(tmp_path)
    write_project(folder, load_project("one", root=root))
    assert yaml.safe_load((folder / "Pulumi.yaml").read_text()) == {
        "name": "demo",
        "runtime": "python",
    }
