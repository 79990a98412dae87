"""One value of a stack's file is changed and everything else stays, comments above all.

Held against PyYAML's own reading of both texts.
"""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.engine.project import stack_names
from ops.stack_file import with_item, with_value, without_item
from tests.support.stacks import SAMPLES

PATH = ("config", "perch:blue", "ami_id")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "config:\n  perch:blue:\n    ami_id: ami-1  # of May\n    weight: 1\n",
            "config:\n  perch:blue:\n    ami_id: ami-2  # of May\n    weight: 1\n",
        ),
        ('config:\n  perch:blue: {ami_id: "ami-1"}\n', "config:\n  perch:blue: {ami_id: ami-2}\n"),
        ("config: {perch:blue: {}}\n", "config: {perch:blue: {ami_id: ami-2}}\n"),
        ("config: {perch:blue: {a: 1 }}\n", "config: {perch:blue: {a: 1, ami_id: ami-2 }}\n"),
        ("config: {a: 1}\n", "config: {a: 1, perch:blue: {ami_id: ami-2}}\n"),
        (
            "config:\n  perch:blue:\n    ami_id:\n    weight: 1\n",
            "config:\n  perch:blue:\n    ami_id: ami-2\n    weight: 1\n",
        ),
        (
            "config:\n  perch:blue:\n    weight: 1  # all\n\n  # other\n  perch:green: {}\n",
            (
                "config:\n  perch:blue:\n    weight: 1  # all\n    ami_id: ami-2\n\n"
                "  # other\n  perch:green: {}\n"
            ),
        ),
        (
            "config:\n  perch:blue:\n    types: [a, b]",
            "config:\n  perch:blue:\n    types: [a, b]\n    ami_id: ami-2\n",
        ),
        (
            "config:\n  perch:owner: us\n# end\n",
            "config:\n  perch:owner: us\n  perch:blue:\n    ami_id: ami-2\n# end\n",
        ),
        (
            "config:\r\n  perch:blue:\r\n    weight: 1\r\n",
            "config:\r\n  perch:blue:\r\n    weight: 1\r\n    ami_id: ami-2\r\n",
        ),
        (
            "config:\n  perch:blue:\n    note: |\n      a\n      b\n",
            "config:\n  perch:blue:\n    note: |\n      a\n      b\n    ami_id: ami-2\n",
        ),
    ],
)
def test_the_value_is_written_where_a_person_would_write_it(before: str, after: str) -> None:
    assert with_value(before, PATH, "ami-2") == after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no mapping"),
        ("- config\n", "no mapping"),
        ("config: [", "not valid YAML"),
        ("config:\n  perch:blue: none\n", "is not where a value can stand"),
        ("config:\n  perch:blue:\n    ami_id: [a]\n", "is not where a value can stand"),
        (
            "a: &x {ami_id: ami-1}\nconfig:\n  perch:blue: *x\n",
            "cannot be changed alone, as the file is written",
        ),
    ],
)
def test_what_cannot_be_changed_alone_is_not_changed(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_value(text, PATH, "ami-2")


@pytest.mark.parametrize("stack", stack_names(SAMPLES))
def test_of_a_stacks_own_file_one_line_is_another(stack: str) -> None:
    text = (SAMPLES / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    changed = with_value(text, PATH, "ami-2")
    assert "    ami_id: ami-2" in set(changed.splitlines()) - set(text.splitlines())
    left, right = text.splitlines(), changed.splitlines()
    assert [line for line in left if line not in right] in ([], ["    ami_id: ami-0" + "0" * 16])


VALUES = st.recursive(
    st.integers() | st.booleans() | st.text("abc: #\n", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["config", "a", "b"]), VALUES, min_size=1),
    st.booleans() | st.none(),
)
def test_whatever_the_file_holds_the_rest_means_what_it_meant(
    content: dict[str, object], flow: bool | None
) -> None:
    text = yaml.safe_dump(content, default_flow_style=flow, sort_keys=False)
    try:
        changed = with_value(text, ("config", "a"), "ami-2")
    except ValueError:
        return
    group = content.get("config", {})
    assert isinstance(group, dict)
    assert yaml.safe_load(changed) == {**content, "config": {**group, "a": "ami-2"}}


BLOCK = """\
config:
  a:
    cidrs:
      - 10.0.0.0/8  # ours
      # theirs
      - 192.0.2.0/24
    other: 1
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BLOCK, BLOCK.replace("    other", "      - x\n    other")),
        ("config: {a: {cidrs: [y]}}\n", "config: {a: {cidrs: [y, x]}}\n"),
        ("config:\n  a:\n    cidrs:\n    - y", "config:\n  a:\n    cidrs:\n    - y\n    - x\n"),
    ],
)
def test_a_list_gets_an_item_at_its_end_and_loses_it_again(before: str, after: str) -> None:
    path = ("config", "a", "cidrs")
    assert with_item(before, path, "x") == after
    assert without_item(after, path, "x").rstrip() == before.rstrip()


def test_the_first_item_goes_with_what_is_said_of_it() -> None:
    path = ("config", "a", "cidrs")
    assert without_item(BLOCK, path, "10.0.0.0/8") == BLOCK.replace(
        "      - 10.0.0.0/8  # ours\n", ""
    )
    assert without_item("config: {a: {cidrs: [x, y]}}", path, "x") == "config: {a: {cidrs: [y]}}"


@pytest.mark.parametrize(
    "text",
    [
        "config: {a: {cidrs: []}}",
        "config: {a: {cidrs: y}}",
        "config: {a: {}}",
        "config: {b: &x {cidrs: [y, z]}, a: *x}",
        "config: [",
    ],
)
def test_a_list_that_is_not_there_or_would_change_another_is_refused(text: str) -> None:
    for change in (with_item, without_item):
        with pytest.raises(ValueError, match=r"is no list|cannot be changed alone|not valid YAML"):
            change(text, ("config", "a", "cidrs"), "y")
