"""What a change of inputs does; tests/engine show what the engine makes of it."""

from ops.offline.engine import wire
from ops.offline.plugin.differences import Kind, compare, same_text
from ops.offline.plugin.resources import DEFAULTS

GROUP = "aws:autoscaling/group:Group"
TARGETS = "aws:lb/targetGroup:TargetGroup"


def test_equal_inputs_have_no_differences() -> None:
    inputs = {"name": "a", "tags": {"Owner": "x"}, "subnets": ["1", "2"], DEFAULTS: ["name"]}
    assert not compare(GROUP, inputs, {**inputs, DEFAULTS: []}).paths


def test_each_difference_is_told_as_deep_as_it_lies() -> None:
    olds = {"a": {"b": 1, "gone": 2}, "list": ["x", "y"]}
    news = {"a": {"b": 3}, "list": ["x", "z", "w"], "new": True}
    assert compare(GROUP, olds, news).paths == {
        ("a", "b"): Kind.UPDATE,
        ("a", "gone"): Kind.DELETE,
        ("list", 1): Kind.UPDATE,
        ("list", 2): Kind.ADD,
        ("new",): Kind.ADD,
    }


def test_json_texts_that_say_the_same_are_one() -> None:
    assert same_text('{"a": 1, "b": [2]}', '{"b":[2],"a":1}')
    assert not same_text('{"a": 1}', '{"a": 2}')
    assert not same_text("{not json", "{not  json")
    assert not same_text("1", "1.0")


def test_what_a_preview_cannot_know_may_be_another_value() -> None:
    found = compare(TARGETS, {"vpcId": "vpc-1"}, {"vpcId": wire.UNKNOWN})
    assert found.replaces == ("vpcId",)


def test_what_keeps_its_given_name_goes_before_it_comes_again() -> None:
    olds = {"name": "perch-dev-blue", "port": 8080}
    found = compare(TARGETS, olds, {**olds, "port": 8081})
    assert found.replaces == ("port",)
    assert found.delete_before_replace


def test_what_has_a_made_up_or_another_name_comes_before_the_old_one_goes() -> None:
    made_up = {"name": "perch-1234567", "port": 8080, DEFAULTS: ["name"]}
    assert not compare(TARGETS, made_up, {**made_up, "port": 8081}).delete_before_replace
    given = {"name": "blue", "port": 8080}
    renamed = compare(TARGETS, given, {"name": "green", "port": 8081})
    assert renamed.replaces == ("name", "port")
    assert not renamed.delete_before_replace


def test_an_empty_list_or_nothing_is_what_is_not_given() -> None:
    assert not compare(GROUP, {"a": []}, {"b": None}).paths
