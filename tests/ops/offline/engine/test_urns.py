"""URNs and aliases, against the engine's written rules; the engine itself is not run."""

import pytest

from ops.offline.engine.urns import Alias, Urn, alias_urns, make_urn

STACK = "urn:pulumi:dev::perch::pulumi:pulumi:Stack::perch-dev"
FLEET = "urn:pulumi:dev::perch::perch:infra:Fleet::blue"


def test_a_urn_holds_the_whole_chain_of_parents_and_not_the_stack() -> None:
    outer = make_urn("dev", "perch", STACK, "perch:infra:Fleet", "blue")
    inner = make_urn("dev", "perch", outer, "perch:infra:Role", "blue-role")
    leaf = make_urn("dev", "perch", inner, "aws:iam/role:Role", "blue-role")
    assert outer == FLEET
    assert leaf == (
        "urn:pulumi:dev::perch::perch:infra:Fleet$perch:infra:Role$aws:iam/role:Role::blue-role"
    )


def test_a_urn_is_taken_apart_and_put_together_again() -> None:
    text = "urn:pulumi:dev::perch::a:b:C$d:e/f:G::name::with colons"
    urn = Urn.parse(text)
    assert (urn.type, urn.name, str(urn)) == ("d:e/f:G", "name::with colons", text)
    with pytest.raises(ValueError, match="not a Pulumi URN"):
        Urn.parse("arn:aws:s3:::bucket::x")


def _aliases(declared: list[Alias], parents: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return alias_urns(
        stack="dev",
        project="perch",
        parent=FLEET,
        type_="aws:iam/role:Role",
        name="blue-role",
        declared=declared,
        parent_aliases=parents,
    )


def test_an_alias_says_only_what_differed() -> None:
    assert _aliases([Alias(name="old-role")], {}) == (
        "urn:pulumi:dev::perch::perch:infra:Fleet$aws:iam/role:Role::old-role",
    )
    assert _aliases([Alias(no_parent=True)], {}) == (
        "urn:pulumi:dev::perch::aws:iam/role:Role::blue-role",
    )
    assert _aliases([Alias(urn="urn:pulumi:dev::other::t::n")], {}) == (
        "urn:pulumi:dev::other::t::n",
    )


def test_children_follow_their_parents_old_name() -> None:
    old = "urn:pulumi:dev::perch::perch:infra:Fleet::azure"
    assert _aliases([], {FLEET: (old,)}) == (
        "urn:pulumi:dev::perch::perch:infra:Fleet$aws:iam/role:Role::azure-role",
    )


def test_an_alias_that_says_nothing_new_is_none() -> None:
    assert _aliases([Alias()], {}) == ()
