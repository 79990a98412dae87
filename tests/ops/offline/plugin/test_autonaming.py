"""Names that the provider makes up; tests/engine show that the engine keeps them."""

import inspect

import pytest

from ops.offline.errors import OfflineError
from ops.offline.plugin.autonaming import names
from ops.offline.plugin.resources import DEFAULTS
from ops.offline.provider.autonamed import autonamed
from ops.offline.provider.handlers import HANDLERS
from ops.offline.provider.rows import Row

SEED = b"seed"
ROLE = "aws:iam/role:Role"


def test_a_name_is_the_logical_one_and_seven_digits_of_the_seed() -> None:
    made = names(ROLE, "perch", {}, {}, SEED)
    assert made["name"].startswith("perch-")
    assert len(made["name"]) == len("perch-") + 7
    assert made == names(ROLE, "perch", {}, {}, SEED)
    assert made != names(ROLE, "perch", {}, {}, b"another")


def test_what_was_named_so_keeps_its_name_whatever_the_seed() -> None:
    first = names(ROLE, "perch", {}, {}, SEED)
    assert names(ROLE, "perch", {}, first, b"another") == first


def test_a_given_name_or_prefix_is_left_alone() -> None:
    assert names(ROLE, "perch", {"name": "mine"}, {}, SEED) == {}
    assert names(ROLE, "perch", {"namePrefix": "mine-"}, {}, SEED) == {}


def test_a_given_name_that_is_taken_out_is_not_kept() -> None:
    made = names(ROLE, "perch", {}, {"name": "mine"}, SEED)
    assert made["name"] != "mine"
    assert made[DEFAULTS] == ["name"]


def test_what_the_service_names_is_not_named() -> None:
    assert names("aws:ec2/vpc:Vpc", "perch", {}, {}, SEED) == {}


def test_a_name_that_would_be_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(OfflineError, match=r"33 characters .* at most 32"):
        names("aws:lb/loadBalancer:LoadBalancer", "b" * 25, {}, {}, SEED)


@pytest.mark.parametrize("token", sorted(HANDLERS))
def test_every_type_that_a_handler_would_name_is_named_before_it(token: str) -> None:
    handler = HANDLERS[token]
    if not isinstance(handler, Row):
        assert ("physical_name(" in inspect.getsource(handler)) == (autonamed(token) is not None)
