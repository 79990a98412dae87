"""What a stack's files become before the program sees them.

Proves the reading of files as Pulumi documents it; does not prove that the Pulumi CLI agrees,
which is not installed here.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.offline import OfflineError
from ops.offline.engine.project import STAND_IN, load_project, stack_names
from tests.ops.offline.conftest import HARBOUR


def test_a_missing_stack_is_refused_with_the_names_of_those_that_exist() -> None:
    with pytest.raises(OfflineError, match=r"stack 'lagoon' has no file in .*: quay"):
        load_project("lagoon", root=HARBOUR)


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OfflineError, match=r"no Pulumi\.yaml here"):
        load_project("quay", root=tmp_path)
    assert stack_names(HARBOUR) == ("quay",)


def test_a_key_without_a_namespace_is_the_projects_and_objects_become_json() -> None:
    config = load_project("quay", root=HARBOUR).config
    assert json.loads(config["harbour:ports"]) == {"gateway": 8080, "health": 8081}
    assert config["harbour:weights"] == "[70,30]"


def test_values_read_as_the_go_reader_of_yaml_reads_them() -> None:
    config = load_project("quay", root=HARBOUR).config
    assert config["harbour:watch"] == "on"
    assert config["harbour:opens"] == "19:00"


def test_defaults_of_the_project_stand_below_the_stack() -> None:
    assert load_project("quay", root=HARBOUR).config["aws:region"] == "eu-west-1"
    overridden = load_project("quay", root=HARBOUR, overrides={"aws:region": "us-west-2"})
    assert overridden.config["aws:region"] == "us-west-2"


def test_an_encrypted_value_reads_as_a_stand_in_and_its_key_is_secret() -> None:
    project = load_project("quay", root=HARBOUR)
    assert project.config["harbour:password"] == STAND_IN
    assert json.loads(project.config["harbour:credentials"]) == {"user": "master", "key": STAND_IN}
    assert project.secret_keys == {"harbour:password", "harbour:credentials"}


def test_a_value_laid_over_a_secret_is_secret_too() -> None:
    project = load_project(
        "quay",
        root=HARBOUR,
        overrides={
            "password": "ahoy",  # pragma: allowlist secret
            "credentials": {"key": "anchor"},
        },
    )
    assert project.config["harbour:password"] == "ahoy"  # pragma: allowlist secret
    assert json.loads(project.config["harbour:credentials"]) == {"user": "master", "key": "anchor"}
    assert project.secret_keys == {"harbour:password", "harbour:credentials"}


def test_overrides_are_merged_into_objects_key_by_key() -> None:
    project = load_project("quay", root=HARBOUR, overrides={"ports": {"health": 9}, "new": True})
    assert json.loads(project.config["harbour:ports"]) == {"gateway": 8080, "health": 9}
    assert project.config["harbour:new"] == "true"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config: [1]", ": config: holds list; a mapping is expected"),
        ("- 1", ": holds list; a mapping is expected"),
        (
            "config:\n  a: b: c",
            ", line 2, column 7: not valid YAML: mapping values are not allowed here",
        ),
        (
            "config: {",
            (
                ", line 1, column 10: not valid YAML: while parsing a flow node, expected the node "
                "content, but found the end of the file"
            ),
        ),
        (
            "config: \x07",
            (": not valid YAML: unacceptable character #x0007: special characters are not allowed"),
        ),
        ("[" * 5_000, ": not valid YAML: nested too deeply"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_broken_stack_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nmain: .\n")
    (tmp_path / "Pulumi.one.yaml").write_text(text)
    with pytest.raises(OfflineError, match=r"Pulumi\.one\.yaml") as caught:
        load_project("one", root=tmp_path)
    (line,) = str(caught.value).splitlines()
    assert line == f"{tmp_path / 'Pulumi.one.yaml'}{message}"


def test_a_project_without_a_name_or_a_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(OfflineError, match="name: None"):
        load_project("one", root=tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nmain: nowhere\n")
    with pytest.raises(OfflineError, match="main: 'nowhere' does not exist"):
        load_project("one", root=tmp_path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), _JSON, min_size=1, max_size=3))
def test_an_object_given_as_override_arrives_whole(value: dict[str, object]) -> None:
    if "secure" in value:
        value = {"plain": value["secure"]}
    project = load_project("quay", root=HARBOUR, overrides={"thing": value})
    assert json.loads(project.config["harbour:thing"]) == value
